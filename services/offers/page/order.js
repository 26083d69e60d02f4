import { query } from './api.js';
import { h, heading, say, sayItems, showFacts } from './dom.js';
import { follow } from './follow.js';
import { count, dateAndTime, money, percent, statusText, timeOfDay } from './format.js';
import { showProblem } from './problem.js';
/** @import { Attempted, Connection, Order, OrderEvent, View } from './types.d.ts' */

/** @param {number} attempts that failed */
const after = (attempts) => (attempts > 0 ? ` after ${count(attempts, 'failed attempt')}` : '');

/** @type {Record<string, (attempts: number) => string>} */
const steps = {
  checkout_submitted: () => 'The order was stored',
  resubmitted: () => 'An operator retried the order',
  approved: (attempts) => `Approved${after(attempts)}`,
  rejected: (attempts) => `Rejected${after(attempts)}`,
  failed: (attempts) => `No decision${after(attempts)}`,
};

/** @type {Record<string, string>} */
const sentences = {
  PENDING: 'We keep asking for a decision. You can close this page.',
  APPROVED: 'The loan is approved. The decision is final.',
  REJECTED: 'The loan is rejected. The decision is final.',
  FAILED: 'We could not reach a decision. An operator can retry the order.',
};

/** @type {Record<Connection, string>} */
const connections = {
  live: 'Live: each step shows as it happens.',
  reconnecting: 'The connection broke. Connecting again…',
  polling: 'No live connection: the page asks every few seconds.',
  over: '',
};

/** @param {string} status */
export function badge(status) {
  const [sign = '', name = ''] = statusText(status);
  const hidden = { 'aria-hidden': 'true' };
  return h('span', { class: `badge ${status}` }, h('span', hidden, sign), ` ${name}`);
}

/** @type {View} */
export function orderView(main, params, signal) {
  const alert = h('div', { role: 'alert' });
  const title = h('div', { class: 'title' }, heading('Your order'), h('span'));
  const status = h('p', { role: 'status' });
  const connection = h('p', { class: 'hint connection' });
  const way = h('ol', { class: 'plain way', 'aria-live': 'polite' });
  const facts = h('dl', { class: 'facts order' });
  const list = h('a', { href: '#/orders' }, 'All my orders');
  const panel = h('div', { class: 'panel' }, status, way, connection);
  main.append(title, alert, panel, facts, h('p', {}, list));

  /** @type {OrderEvent[]} */
  const events = [];
  /** @type {Attempted | undefined} */
  let attempted;
  const showLast = () => {
    const last = events.at(-1)?.data;
    if (last) show({ ...last, id: last.order_id });
  };
  follow(params.get('id') ?? '', {
    signal,
    onConnection: (state) => {
      connection.textContent = connections[state];
      // Only a stream keeps it up to date.
      if (state === 'polling') attempted = undefined;
    },
    onEvent: (event) => {
      events.push(event);
      attempted = undefined;
      showLast();
    },
    onAttempted: (latest) => {
      attempted = latest;
      showLast();
    },
    onOrder: show,
  }).catch((error) => {
    panel.hidden = true;
    facts.hidden = true;
    showProblem(alert, error);
  });

  /** @param {Order} order */
  function show(order) {
    title.lastElementChild?.replaceWith(badge(order.status));
    say(status, sentences[order.status] ?? order.status);
    const known = events.map(({ type, time, data }) =>
      step(steps[type.split('.').at(-1) ?? '']?.(data.attempts) ?? type, time),
    );
    // Without events, because streams fail or they were deleted, the order itself says how far it is.
    if (known.length === 0) known.push(step('The order was stored', order.created_at));
    if (order.status === 'PENDING') {
      const text = attempted
        ? `Attempt ${attempted.attempts} failed, the next is due`
        : 'Waiting for the decision';
      known.push(step(text, attempted?.next_attempt_at));
    } else if (events.at(-1)?.data.status !== order.status) {
      known.push(step(statusText(order.status)[1] ?? ''));
    }
    sayItems(way, known);
    way.classList.toggle('pending', order.status === 'PENDING');
    showFacts(facts, {
      Provider: order.provider,
      Amount: money(order.amount),
      Rate: percent(order.rate),
      Term: order.term_months && count(order.term_months, 'month'),
      'Ordered by': order.user_id,
      Ordered: dateAndTime(new Date(order.created_at)),
      'Order id': order.id,
    });
    list.href = `#/orders${query({ user_id: order.user_id })}`;
  }
}

/**
 * @param {string} text
 * @param {string} [time]
 */
function step(text, time) {
  return h('li', {}, text, time && h('time', { datetime: time }, timeOfDay(new Date(time))));
}
