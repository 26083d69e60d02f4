import { address, Problem } from './api.js';
import { foreign, h, heading, say, showProblem } from './dom.js';
import { follow } from './follow.js';
import { count, dateAndTime, money, percent, statusText, timeOfDay } from './format.js';
import { tokenForm } from './token.js';

/** @type {Record<string, (attempts: number) => string>} */
const steps = {
  checkout_submitted: () => 'The order was stored',
  resubmitted: () => 'An operator asked again',
  approved: (attempts) => `Approved${after(attempts)}`,
  rejected: (attempts) => `Rejected${after(attempts)}`,
  failed: (attempts) => `No decision after ${count(attempts, 'attempt')}`,
};

/** @param {number} attempts that failed */
const after = (attempts) => (attempts > 0 ? `, after ${count(attempts, 'failed attempt')}` : '');

/** @type {Record<string, string>} */
const sentences = {
  PENDING: 'The decision is pending. It will come, even if you close this page.',
  APPROVED: 'The loan is approved. The decision is final.',
  REJECTED: 'The loan is rejected. The decision is final.',
  FAILED: 'We could not reach a decision. An operator can ask again.',
};

/** @type {Record<Connection, string>} */
const connections = {
  live: 'Live: this page shows each step as it happens.',
  reconnecting: 'The connection broke. Connecting again…',
  polling: 'No live connection. This page asks every few seconds.',
  over: '',
};

/** @type {View} */
export function orderView(main, params, signal) {
  const id = params.get('id') ?? '';
  const alert = h('div', { role: 'alert', class: 'alert' });
  const badge = h('span', { class: 'badge' });
  const status = h('p', { role: 'status' });
  const connection = h('p', { class: 'hint connection' });
  const way = h('ol', { class: 'way' });
  const facts = h('dl', { class: 'facts' });
  const list = h('a', { href: address('orders', {}) }, 'All my orders');
  main.append(
    h('div', { class: 'title' }, heading('Your order'), badge),
    alert,
    h('div', { class: 'panel' }, status, way, connection),
    facts,
    h('p', {}, list),
  );
  void watch();

  async function watch() {
    showProblem(alert, undefined);
    /** @type {OrderEvent[]} */
    const events = [];
    try {
      await follow(id, {
        signal,
        onConnection: (state) => {
          connection.textContent = connections[state];
        },
        onEvent: (event) => {
          events.push(event);
          show({ ...event.data, id: event.data['order_id'] }, events);
        },
        onOrder: (order) => {
          show(order, events);
        },
      });
    } catch (error) {
      if (signal.aborted) return;
      const problem = error instanceof Problem ? error : new Problem({ title: String(error) });
      showProblem(alert, problem);
      if (problem.status === 401) alert.append(tokenForm(() => void watch()));
    }
  }

  /**
   * @param {any} order
   * @param {readonly OrderEvent[]} events
   */
  function show(order, events) {
    const { label, sign } = statusText(order.status);
    badge.className = `badge ${order.status}`;
    badge.replaceChildren(h('span', { 'aria-hidden': 'true' }, sign), ` ${label}`);
    say(status, sentences[order.status] ?? label);
    const isPending = order.status === 'PENDING';
    // Without events, from polling or because they were deleted, the order itself says how far it is.
    const known = events.map(({ type, time, data }) => {
      const step = steps[type.split('.').at(-1) ?? ''];
      return item(step ? step(data['attempts']) : type, time);
    });
    if (known.length === 0) known.push(item('The order was stored', order.created_at));
    const last = events.at(-1)?.data['status'] ?? 'PENDING';
    if (isPending) known.push(item('Waiting for the decision', undefined, 'now'));
    else if (last !== order.status) known.push(item(label, undefined));
    way.replaceChildren(...known);
    const fields = {
      Provider: order.provider,
      Amount: money(order.amount),
      Rate: percent(order.rate),
      ...(order.term_months !== undefined && { Term: count(order.term_months, 'month') }),
      'Ordered by': order.user_id,
      Ordered: dateAndTime(order.created_at),
      'Order id': order.id,
    };
    facts.replaceChildren(
      ...Object.entries(fields).map(([name, value]) =>
        h('div', {}, h('dt', {}, name), h('dd', {}, foreign(String(value)))),
      ),
    );
    list.href = address('orders', { user_id: order.user_id });
  }
}

/**
 * @param {string} text
 * @param {string | undefined} time
 * @param {string} [className]
 */
function item(text, time, className) {
  return h(
    'li',
    { class: className },
    text,
    time !== undefined && h('time', { datetime: time }, timeOfDay(new Date(time))),
  );
}
