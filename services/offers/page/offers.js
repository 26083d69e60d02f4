import { address, mayUse, Problem, providersIn, send } from './api.js';
import { field, foreign, h, heading, say, showProblem } from './dom.js';
import { aprTypeText, count, money, percent, reasonText, timeOfDay } from './format.js';
import { plot } from './plot.js';
import { tokenForm } from './token.js';

/** While a provider is missing, and the shortest time between two requests. */
const SOON_MS = 2000;
const LATEST_MS = 60_000;

/**
 * @type {{ key: string, label: string, of: (offer: Offer) => number | string | undefined,
 *   show?: (offer: Offer) => string }[]}
 */
const columns = [
  { key: 'provider', label: 'Offer', of: ({ provider }) => provider },
  { key: 'rate', label: 'Rate', of: ({ rate }) => rate, show: ({ rate }) => percent(rate) },
  {
    key: 'monthly_payment',
    label: 'Monthly payment',
    of: (offer) => offer.monthly_payment,
    show: ({ monthly_payment: value = 0, currency }) => money(value, currency),
  },
  {
    key: 'total_cost',
    label: 'Total cost',
    of: (offer) => offer.total_cost,
    show: ({ total_cost: value = 0, currency }) => money(value, currency),
  },
  { key: 'apr', label: 'APR', of: ({ apr }) => apr, show: ({ apr = 0 }) => percent(apr) },
];

/**
 * Sorts by a column, ties by id. Offers without the value come last in either order.
 *
 * @param {readonly Offer[]} offers
 * @param {string} sort
 * @param {string} order
 */
function sorted(offers, sort, order) {
  const valueOf = columns.find(({ key }) => key === sort)?.of ?? (() => undefined);
  const sign = order === 'desc' ? -1 : 1;
  return [...offers].sort((a, b) => {
    const [x, y] = [valueOf(a), valueOf(b)];
    if (x === undefined || y === undefined || x === y) {
      return Number(x === undefined) - Number(y === undefined) || (a.id < b.id ? -1 : 1);
    }
    return sign * (x < y ? -1 : 1);
  });
}

/** @param {Offer} offer */
function detailsOf({
  name,
  currency,
  rate_max: max,
  comparison_rate: comparison,
  fees,
  flags = [],
}) {
  const each = (fees?.periodic ?? []).map(
    ({ amount, months }) => `${money(amount, currency)} every ${count(months, 'month')}`,
  );
  const charged = [...(fees?.upfront ? [`${money(fees.upfront, currency)} once`] : []), ...each];
  return [
    name,
    max !== undefined && `rate up to ${percent(max)}`,
    comparison !== undefined && `comparison rate ${percent(comparison)}`,
    charged.length > 0 && `fees: ${charged.join(', ')}`,
    flags.length > 0 && `doubtful data: ${flags.join(', ')}`,
  ].filter((text) => typeof text === 'string');
}

/** @param {string} url */
const isWebAddress = (url) => /^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '');

/** @type {View} */
export function offersView(main, params, signal) {
  let amount = params.get('amount') ?? '10000';
  let term = params.get('term_months') ?? '36';
  let sort = params.get('sort') ?? 'apr';
  let order = params.get('order') ?? 'asc';
  /** @type {{ path: string, etag: string | null, offers: Offer[] }} */
  let last = { path: '', etag: null, offers: [] };
  let loading = new AbortController();
  let timer = 0;
  let failures = 0;
  let isDue = false;

  const form = h(
    'form',
    { class: 'query', novalidate: true },
    field({
      name: 'amount',
      label: 'Amount',
      value: amount,
      inputmode: 'decimal',
      autocomplete: 'off',
    }),
    field({
      name: 'term_months',
      label: 'Term in months',
      value: term,
      inputmode: 'numeric',
      autocomplete: 'off',
    }),
    h('button', { class: 'primary' }, 'Compare'),
  );
  const alert = h('div', { role: 'alert', class: 'alert' });
  const status = h('p', { role: 'status' });
  const asOf = h('p', { class: 'hint' });
  const choice = h(
    'select',
    { id: 'sort' },
    ...columns.map(({ key, label }) => h('option', { value: key }, label)),
  );
  const head = h('tr');
  const body = h('tbody');
  const table = h('table', { class: 'offers' }, h('thead', {}, head), body);
  const notes = h('ul', { class: 'notes' });
  const figures = h('div', { class: 'figures' });
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

  const remember = (/** @type {'pushState' | 'replaceState'} */ how) => {
    history[how](null, '', address('offers', { amount, term_months: term, sort, order }));
  };
  const sortBy = (/** @type {string} */ key) => {
    order = key === sort && order === 'asc' ? 'desc' : 'asc';
    sort = key;
    remember('replaceState');
    render();
    /** @type {HTMLElement | null} */ (head.querySelector('[aria-sort] button'))?.focus();
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const data = new FormData(form);
    amount = String(data.get('amount')).trim();
    term = String(data.get('term_months')).trim();
    remember('pushState');
    void load();
  });
  choice.addEventListener('change', () => {
    order = 'desc';
    sort = choice.value;
    sortBy(choice.value);
    choice.focus();
  });
  for (const type of ['pointerover', 'focusin']) {
    body.addEventListener(type, ({ target }) => {
      const row = /** @type {Element} */ (target).closest('tr');
      chart.highlight(row?.dataset['offer']);
    });
  }
  body.addEventListener('pointerleave', () => chart.highlight(undefined));
  addEventListener('resize', () => chart.draw(), { signal });
  document.addEventListener(
    'visibilitychange',
    () => {
      if (!document.hidden && isDue) void load();
    },
    { signal },
  );
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    loading.abort();
  });
  void load();

  async function load() {
    clearTimeout(timer);
    loading.abort();
    loading = new AbortController();
    const own = loading.signal;
    isDue = false;
    const query = new URLSearchParams({
      ...(amount && { amount }),
      ...(term && { term_months: term }),
    });
    const path = `/offers${query.size > 0 ? `?${query}` : ''}`;
    try {
      // The page keeps the last response itself: a browser's cache would keep headers that a 304 no longer has.
      const known = last.path === path && last.etag;
      const response = await send(path, {
        signal: own,
        ...(known && { headers: { 'If-None-Match': known } }),
      });
      if (response.status !== 304) {
        const offers = await response.json();
        last = { path, etag: response.headers.get('ETag'), offers };
        render();
      }
      failures = 0;
      showProblem(alert, undefined, form);
      describe(response.headers);
      schedule(freshMs(response.headers));
    } catch (error) {
      if (!own.aborted) fail(error);
    }
  }

  /** @param {number} ms */
  function schedule(ms) {
    timer = setTimeout(
      () => {
        isDue = document.hidden;
        if (!isDue) void load();
      },
      Math.min(Math.max(ms, SOON_MS), LATEST_MS),
    );
  }

  /** @param {unknown} error */
  function fail(error) {
    const problem = error instanceof Problem ? error : new Problem({ title: String(error) });
    failures += 1;
    showProblem(alert, problem, form);
    say(status, '');
    const isRefused = problem.status >= 400 && problem.status < 500 && problem.status !== 429;
    if (isRefused || problem.headers?.has('Missing-Providers')) {
      last = { path: '', etag: null, offers: [] };
      render();
    }
    asOf.textContent = '';
    describeProviders(problem.headers);
    if (problem.status === 401 || problem.code === 'insufficient-scope') {
      alert.append(tokenForm(() => void load()));
    }
    if (isRefused) return;
    schedule(problem.retryAfterS ? problem.retryAfterS * 1000 : SOON_MS * failures);
  }

  /** @param {Headers} headers */
  function describe(headers) {
    const { missing, partial, stale } = describeProviders(headers);
    const names = (/** @type {{ provider: string }[]} */ list) =>
      list.map(({ provider }) => provider).join(', ');
    const state = [
      missing.length > 0 && `${names(missing)} missing`,
      partial.length > 0 && `${names(partial)} incomplete`,
      stale.length > 0 && `${names(stale)} not up to date`,
    ].filter(Boolean);
    const number =
      last.offers.length === 0 ? 'No offer for this' : count(last.offers.length, 'offer');
    say(status, `${number}, ${state.length > 0 ? state.join(', ') : 'all providers responded'}`);
    asOf.textContent = `as of ${timeOfDay(new Date(Date.now() - 1000 * Number(headers.get('Age') ?? 0)))}`;
  }

  /** @param {Headers | undefined} headers */
  function describeProviders(headers) {
    const listIn = (/** @type {string} */ name) => providersIn(headers?.get(name) ?? null);
    const missing = listIn('Missing-Providers');
    const partial = listIn('Partial-Providers');
    const stale = listIn('Stale-Providers');
    const note = (/** @type {string} */ provider, /** @type {string} */ text) =>
      h('li', {}, foreign(provider), ` ${text}`);
    notes.replaceChildren(
      ...missing.map(({ provider, parameter }) =>
        note(provider, `is missing: ${reasonText(parameter)}. We keep asking.`),
      ),
      ...partial.map(({ provider, parameter }) =>
        note(provider, `is incomplete: ${count(Number(parameter), 'product')} could not be read.`),
      ),
      ...stale.map(({ provider, parameter }) =>
        note(
          provider,
          `is not up to date: its offers are ${count(Number(parameter), 'second')} old.`,
        ),
      ),
    );
    return { missing, partial, stale };
  }

  function render() {
    const focused = document.activeElement?.closest('[data-offer]')?.getAttribute('data-offer');
    const offers = sorted(last.offers, sort, order);
    const type = offers.find((offer) => offer.apr_type)?.apr_type;
    choice.value = sort;
    head.replaceChildren(
      ...columns.map(({ key, label }) => {
        const direction = order === 'desc' ? 'descending' : 'ascending';
        const button = h(
          'button',
          { type: 'button' },
          label,
          key === 'apr' && type !== undefined && h('small', {}, ` ${aprTypeText(type)}`),
          h(
            'span',
            { class: 'arrow', 'aria-hidden': 'true' },
            key !== sort ? '' : order === 'desc' ? '↓' : '↑',
          ),
        );
        button.addEventListener('click', () => sortBy(key));
        return h('th', { scope: 'col', 'aria-sort': key === sort && direction }, button);
      }),
      h('th', { scope: 'col' }, h('span', { class: 'hidden' }, 'Checkout')),
    );
    const lowest = new Map(
      columns
        .slice(1)
        .map(({ key, of: valueOf }) => [
          key,
          Math.min(...offers.flatMap((offer) => Number(valueOf(offer) ?? Infinity))),
        ]),
    );
    body.replaceChildren(
      ...offers.map((offer) => row(offer, offers.length > 1 ? lowest : new Map())),
    );
    table.hidden = offers.length === 0;
    chart = plot(offers, Number(term));
    figures.replaceChildren(chart.figure);
    chart.draw();
    if (focused) {
      const again = body.querySelector(`[data-offer="${CSS.escape(focused)}"] .action a`);
      if (again instanceof HTMLElement) again.focus({ preventScroll: true });
    }
  }

  /**
   * @param {Offer} offer
   * @param {Map<string, number>} lowest
   */
  function row(offer, lowest) {
    const checkout = address('checkout', {
      loan_id: offer.id,
      amount: amount || undefined,
      term_months: term || undefined,
    });
    const differs = Number(amount) !== offer.amount && `${money(offer.amount, offer.currency)}`;
    return h(
      'tr',
      { 'data-offer': offer.id },
      h(
        'th',
        { scope: 'row' },
        foreign(offer.provider),
        ...[differs, ...detailsOf(offer)].map((text) => text && h('small', {}, foreign(text))),
        offer.url !== undefined &&
          isWebAddress(offer.url) &&
          h(
            'small',
            {},
            h(
              'a',
              { href: offer.url, rel: 'noreferrer', target: '_blank' },
              'At the provider',
              h('span', { class: 'hidden' }, ' (new tab)'),
            ),
          ),
      ),
      ...columns.slice(1).map(({ key, label, of: valueOf, show }) => {
        const value = valueOf(offer);
        const isLowest = value !== undefined && value === lowest.get(key);
        return h(
          'td',
          { 'data-label': label, class: isLowest && 'lowest' },
          value === undefined || !show ? '–' : show(offer),
          isLowest && h('span', { class: 'hidden' }, ' (lowest)'),
        );
      }),
      h(
        'td',
        { class: 'action' },
        mayUse('orders:write')
          ? h(
              'a',
              { class: 'button', href: checkout },
              'Check out',
              h('span', { class: 'hidden' }, ' the offer of ', foreign(offer.provider)),
            )
          : h('small', {}, 'Your token does not allow checkouts'),
      ),
    );
  }
}

/** @param {Headers} headers */
function freshMs(headers) {
  const maxAge = Number(/max-age=(\d+)/.exec(headers.get('Cache-Control') ?? '')?.[1] ?? 0);
  return 1000 * (maxAge - Number(headers.get('Age') ?? 0)) + 250;
}
