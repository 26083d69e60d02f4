import { query, send } from './api.js';
import { field, h, heading, say } from './dom.js';
import { count, timeOfDay } from './format.js';
import { plot } from './plot.js';
import { showProblem, toProblem } from './problem.js';
import { ageS, describeProviders, freshMs } from './providers.js';
import { columns, headOf, rowsOf, sorted } from './table.js';
/** @import { Offer, View } from './types.d.ts' */

/** The shortest and the longest time between two requests. */
const [SOON_MS, LATEST_MS] = [2000, 60_000];

/** @type {{ path: string, etag: string, offers: Offer[] }} */
const nothing = { path: '', etag: '', offers: [] };

/** @type {View} */
export function offersView(main, params, signal) {
  let amount = params.get('amount') ?? '10000';
  let term = params.get('term_months') ?? '36';
  let sort = params.get('sort') ?? 'apr';
  let order = params.get('order') ?? 'asc';
  let last = nothing;
  let loading = new AbortController();
  let timer = 0;
  let failures = 0;
  let isDue = false;

  const number = { inputmode: 'decimal', autocomplete: 'off' };
  const form = h(
    'form',
    { class: 'query', novalidate: true },
    field({ name: 'amount', label: 'Amount', value: amount, ...number }),
    field({ name: 'term_months', label: 'Term in months', value: term, ...number }),
    h('button', { class: 'primary' }, 'Compare'),
  );
  const alert = h('div', { role: 'alert' });
  const status = h('p', { role: 'status' });
  const asOf = h('p', { class: 'hint' });
  const options = columns.map(({ key, label }) => h('option', { value: key }, label));
  const choice = h('select', { id: 'sort' }, ...options);
  const head = h('tr');
  const body = h('tbody');
  const table = h('table', { class: 'offers', hidden: true }, h('thead', {}, head), body);
  const notes = h('ul', { class: 'plain notes' });
  const figures = h('div');
  let chart = plot([], 0);
  main.append(
    heading('Compare offers'),
    form,
    alert,
    h('div', { class: 'bar' }, status, asOf),
    h('div', { class: 'sort' }, h('label', { for: 'sort' }, 'Sort by'), choice),
    table,
    notes,
    figures,
  );

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const data = new FormData(form);
    amount = String(data.get('amount')).trim();
    term = String(data.get('term_months')).trim();
    history.pushState(null, '', here());
    void load();
  });
  choice.addEventListener('change', () => sortBy(choice.value, 'asc'));
  for (const type of ['pointerover', 'focusin']) {
    body.addEventListener(type, ({ target }) => {
      if (target instanceof Element) chart.highlight(target.closest('tr')?.dataset['offer']);
    });
  }
  body.addEventListener('pointerleave', () => chart.highlight(undefined));
  addEventListener('resize', () => chart.draw(), { signal });
  const loadIfDue = () => {
    if (isDue && !document.hidden) void load();
  };
  document.addEventListener('visibilitychange', loadIfDue, { signal });
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    loading.abort();
  });
  void load();

  function here() {
    // Empty, not left out: without a parameter, the page starts with a default.
    return `#/offers?${new URLSearchParams({ amount, term_months: term, sort, order })}`;
  }

  /**
   * @param {string} key
   * @param {string} direction
   */
  function sortBy(key, direction) {
    sort = key;
    order = direction;
    history.replaceState(null, '', here());
    render();
  }

  async function load() {
    clearTimeout(timer);
    loading.abort();
    loading = new AbortController();
    const own = loading.signal;
    isDue = false;
    const path = `/offers${query({ amount, term_months: term })}`;
    try {
      // The page itself keeps the last response: a browser's cache would keep headers that a 304 no longer has.
      const headers = { 'If-None-Match': last.path === path ? last.etag : '""' };
      const response = await send(path, { signal: own, headers });
      if (response.status !== 304) {
        const etag = response.headers.get('ETag') ?? '';
        last = { path, etag, offers: await response.json() };
        render();
      }
      failures = 0;
      showProblem(alert, undefined, form);
      describe(response.headers);
    } catch (error) {
      if (!own.aborted) fail(error);
    }
  }

  /** @param {Headers} headers */
  function describe(headers) {
    const { short, notes: list, isMissing } = describeProviders(headers);
    const found =
      last.offers.length === 0 ? 'No offer for this' : count(last.offers.length, 'offer');
    say(status, `${found}, ${short}`);
    asOf.textContent = `as of ${timeOfDay(new Date(Date.now() - 1000 * ageS(headers)))}`;
    notes.replaceChildren(...list);
    schedule(isMissing ? SOON_MS : freshMs(headers));
  }

  /** @param {unknown} error */
  function fail(error) {
    const problem = toProblem(error);
    failures += 1;
    showProblem(alert, problem, form);
    say(status, '');
    asOf.replaceChildren();
    notes.replaceChildren(...describeProviders(problem.headers).notes);
    if (problem.isRefused || problem.code === 'offers-unavailable') {
      last = nothing;
      render();
    }
    if (!problem.isRefused) schedule(problem.retryAfterMs || SOON_MS * failures);
  }

  /** @param {number} ms */
  function schedule(ms) {
    const wait = Math.min(Math.max(ms, SOON_MS), LATEST_MS);
    timer = setTimeout(() => {
      isDue = true;
      loadIfDue();
    }, wait);
  }

  function render() {
    const focused = document.activeElement;
    const isHead = head.contains(focused);
    const offerId = focused?.closest('tr')?.dataset['offer'];
    const offers = sorted(last.offers, sort, order);
    choice.value = sort;
    head.replaceChildren(
      ...headOf(offers, sort, order, (key) =>
        sortBy(key, key === sort && order === 'asc' ? 'desc' : 'asc'),
      ),
    );
    body.replaceChildren(...rowsOf(offers, amount, term));
    table.hidden = offers.length === 0;
    chart = plot(offers, Number(term));
    figures.replaceChildren(chart.figure);
    chart.draw();
    // The focus stays where it was.
    const row = [...body.rows].find(({ dataset }) => dataset['offer'] === offerId);
    const again = isHead ? head.querySelector('[aria-sort] button') : row?.querySelector('.button');
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  }
}
