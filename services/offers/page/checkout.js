import { address, claims, Problem, read, send } from './api.js';
import { field, foreign, h, heading, say, showProblem } from './dom.js';
import { aprTypeText, count, money, percent } from './format.js';

/** The name that the last checkout used, until the page is closed. */
let lastUser = '';

/** How often a checkout is sent again by itself while the first request with its key is in progress. */
const MAX_IN_FLIGHT = 5;

/** Not `randomUUID`, which a page without TLS does not have. */
const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');

/**
 * Returns the key of this attempt: the same one until the body changes, also after a reload.
 *
 * @param {string} body
 */
function keyOf(body) {
  const kept = history.state?.attempt;
  if (kept?.body === body) return String(kept.key);
  const key = newKey();
  history.replaceState({ attempt: { key, body } }, '');
  return key;
}

/** @type {View} */
export function checkoutView(main, params, signal) {
  const loanId = params.get('loan_id') ?? '';
  const amount = params.get('amount') ?? undefined;
  const term = params.get('term_months') ?? undefined;
  const token = claims();
  const actsForOthers = token === undefined || token.scopes.includes('orders:admin');

  const offer = h('dl', { class: 'facts' });
  const alert = h('div', { role: 'alert', class: 'alert' });
  const status = h('p', { role: 'status' });
  const button = h('button', { class: 'primary' }, 'Order this loan');
  const form = h(
    'form',
    { class: 'panel', novalidate: true },
    field({
      name: 'user_id',
      label: 'Your user id',
      value: token?.sub ?? lastUser,
      autocomplete: 'username',
      readonly: !actsForOthers,
      hint: actsForOthers ? 'The order is kept under it.' : 'From your token.',
    }),
    field({
      name: 'email',
      label: 'E-mail address (optional)',
      type: 'email',
      autocomplete: 'email',
      hint: 'Where to send the decision, if the service sends e-mail.',
    }),
    h(
      'div',
      { class: 'check' },
      h('input', { type: 'checkbox', id: 'async', name: 'async' }),
      h('label', { for: 'async' }, 'Do not wait: show me the order, and decide in the background'),
    ),
    alert,
    button,
    status,
  );
  main.append(heading('Check out'), offer, form);
  void showOffer();

  let isSending = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!isSending) void order();
  });

  async function showOffer() {
    const query = new URLSearchParams({
      ...(amount && { amount }),
      ...(term && { term_months: term }),
    });
    try {
      /** @type {Offer} */
      const found = await read(`/offers/${encodeURIComponent(loanId)}?${query}`, { signal });
      const {
        currency,
        monthly_payment: monthly,
        total_cost: total,
        apr,
        apr_type: type = '',
      } = found;
      const facts = {
        Provider: found.provider,
        ...(found.name && { Product: found.name }),
        Amount: money(found.amount, currency),
        Rate: percent(found.rate),
        ...(term && { Term: count(Number(term), 'month') }),
        ...(monthly !== undefined && { 'Monthly payment': money(monthly, currency) }),
        ...(total !== undefined && { 'Total cost': money(total, currency) }),
        ...(apr !== undefined && { APR: `${percent(apr)} (${aprTypeText(type)})` }),
      };
      offer.replaceChildren(
        ...Object.entries(facts).map(([name, value]) =>
          h('div', {}, h('dt', {}, name), h('dd', {}, foreign(value))),
        ),
      );
    } catch (error) {
      if (!signal.aborted) fail(error);
    }
  }

  async function order() {
    const data = new FormData(form);
    const email = String(data.get('email')).trim();
    const body = {
      user_id: String(data.get('user_id')).trim(),
      loan_id: loanId,
      ...(amount && { amount: Number(amount) }),
      ...(term && { term_months: Number(term) }),
      ...(email && { email }),
    };
    isSending = true;
    button.setAttribute('aria-disabled', 'true');
    showProblem(alert, undefined, form);
    say(status, 'Ordering…');
    try {
      const { id } = await sendOnce(body, data.get('async') !== null);
      lastUser = body.user_id;
      // The form is left for good: going back leads to the offers.
      if (!signal.aborted) location.replace(address('order', { id }));
    } catch (error) {
      if (!signal.aborted) fail(error);
    } finally {
      isSending = false;
      button.removeAttribute('aria-disabled');
      say(status, '');
    }
  }

  /**
   * @param {object} body
   * @param {boolean} isAsync
   * @returns {Promise<Order>}
   */
  async function sendOnce(body, isAsync) {
    const headers = {
      'Idempotency-Key': keyOf(JSON.stringify(body)),
      ...(isAsync && { Prefer: 'respond-async' }),
    };
    for (let tries = 1; ; tries += 1) {
      try {
        const response = await send('/checkout', { method: 'POST', body, headers });
        return await response.json();
      } catch (error) {
        const isInFlight = error instanceof Problem && error.code === 'request-in-flight';
        if (!isInFlight || tries === MAX_IN_FLIGHT) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1000 * (error.retryAfterS ?? 1)));
      }
    }
  }

  /** @param {unknown} error */
  function fail(error) {
    const problem =
      error instanceof Problem ? error : new Problem({ title: 'The connection broke' });
    showProblem(alert, problem, form);
    if (problem.status === 401)
      alert.append(h('p', {}, h('a', { href: '#/token' }, 'Use a token')));
    if (problem.status === 0 || problem.status >= 500) {
      alert.append(h('p', {}, 'You can try again: it makes no second order.'));
    }
  }
}
