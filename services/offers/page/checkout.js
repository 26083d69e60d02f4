import { claims, Problem, query, read, segment } from './api.js';
import { field, h, heading, say, showFacts } from './dom.js';
import { aprTypeText, count, money, percent } from './format.js';
import { showProblem, toProblem } from './problem.js';
/** @import { Offer, Order, View } from './types.d.ts' */

/** How often a checkout is sent again by itself while the first request with its key is in progress. */
const MAX_IN_FLIGHT = 5;

/** The name in the last checkout, until the page is closed. */
let lastUser = '';

/**
 * Returns the idempotency key of this attempt: the same one until the body changes, also after a reload.
 *
 * @param {string} body
 */
function keyOf(body) {
  const { attempt } = history.state ?? {};
  if (attempt?.body === body) return String(attempt.key);
  // Not `randomUUID`, which a page without TLS does not have.
  const key = crypto.getRandomValues(new BigUint64Array(2)).join('-');
  history.replaceState({ attempt: { key, body } }, '');
  return key;
}

/** @type {View} */
export function checkoutView(main, params, signal) {
  const loanId = params.get('loan_id') ?? '';
  const amount = params.get('amount') ?? '';
  const term = params.get('term_months') ?? '';
  const token = claims();
  const isOwn = token !== undefined && !token.scopes.includes('orders:admin');

  const facts = h('dl', { class: 'facts' });
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
      readonly: isOwn,
      hint: isOwn ? 'From your token.' : 'The order is stored under this id.',
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
      h('label', { for: 'async' }, 'Show me the order at once, and decide in the background'),
    ),
    button,
    status,
  );
  const alert = h('div', { role: 'alert' });
  main.append(heading('Check out'), facts, form, alert);
  void showOffer();

  let isSending = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!isSending) void order();
  });

  async function showOffer() {
    try {
      const path = `/offers/${segment(loanId)}`;
      /** @type {Offer} */
      const offer = await read(path + query({ amount, term_months: term }), { signal });
      const { currency, monthly_payment: monthly, total_cost: total, apr, apr_type: type } = offer;
      showFacts(facts, {
        Provider: offer.provider,
        Product: offer.name,
        Amount: money(offer.amount, currency),
        Rate: percent(offer.rate),
        Term: term ? count(Number(term), 'month') : undefined,
        'Monthly payment': monthly && money(monthly, currency),
        'Total cost': total && money(total, currency),
        [`APR, ${aprTypeText(type ?? '')}`]: apr === undefined ? apr : percent(apr),
      });
    } catch (error) {
      if (!signal.aborted) showProblem(alert, error, form);
    }
  }

  async function order() {
    const data = new FormData(form);
    const text = (/** @type {string} */ name) => String(data.get(name)).trim();
    const body = {
      user_id: text('user_id'),
      loan_id: loanId,
      ...(amount && { amount: Number(amount) }),
      ...(term && { term_months: Number(term) }),
      ...(text('email') && { email: text('email') }),
    };
    isSending = true;
    button.setAttribute('aria-disabled', 'true');
    showProblem(alert, undefined, form);
    say(status, 'Ordering…');
    try {
      const { id } = await sendOnce(body, data.has('async'));
      lastUser = body.user_id;
      // The form does not stay in the history: going back leads to the offers.
      if (!signal.aborted) location.replace(`#/order${query({ id })}`);
    } catch (error) {
      if (signal.aborted) return;
      showProblem(alert, error, form);
      const { status } = toProblem(error);
      if (status === 0 || status >= 500) {
        alert.append(h('p', {}, 'You can try again: that makes no second order.'));
      }
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
        return await read('/checkout', { method: 'POST', body, headers });
      } catch (error) {
        const isInFlight = error instanceof Problem && error.code === 'request-in-flight';
        if (!isInFlight || tries === MAX_IN_FLIGHT) throw error;
        await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs));
      }
    }
  }
}
