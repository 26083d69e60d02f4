import { claims, query, send } from './api.js';
import { field, foreign, h, heading, say } from './dom.js';
import { dateAndTime, money, percent } from './format.js';
import { badge } from './order.js';
import { showProblem } from './problem.js';
/** @import { Order, View } from './types.d.ts' */

const LIMIT = '10';
const names = ['Ordered', 'Provider', 'Amount', 'Rate', 'Status'];

/** @type {View} */
export function ordersView(main, params, signal) {
  const token = claims();
  const userId = params.get('user_id') ?? token?.sub ?? '';
  const cursor = params.get('cursor') ?? '';
  const form = h(
    'form',
    { class: 'query', novalidate: true },
    field({ name: 'user_id', label: 'User id', value: userId, autocomplete: 'username' }),
    h('button', { class: 'primary' }, 'Show orders'),
  );
  form.hidden = token !== undefined && !token.scopes.includes('orders:admin');
  const alert = h('div', { role: 'alert' });
  const status = h('p', { role: 'status' });
  const head = h('tr', {}, ...names.map((name) => h('th', { scope: 'col' }, name)));
  const body = h('tbody');
  const table = h('table', { class: 'orders', hidden: true }, h('thead', {}, head), body);
  const pages = h('p', { class: 'pages' });
  main.append(heading('My orders'), form, alert, status, table, pages);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    location.hash = `#/orders${query({ user_id: String(new FormData(form).get('user_id')).trim() })}`;
  });
  if (userId === '') say(status, 'Enter the user id that you ordered with.');
  else {
    load().catch((error) => {
      if (!signal.aborted) showProblem(alert, error, form);
    });
  }

  async function load() {
    const path = `/orders${query({ user_id: userId, limit: LIMIT, cursor })}`;
    const response = await send(path, { signal });
    /** @type {Order[]} */
    const orders = await response.json();
    say(status, orders.length === 0 ? 'There are no orders.' : '');
    table.hidden = orders.length === 0;
    body.replaceChildren(...orders.map(rowOf));
    const next = /\?([^>]*)>; rel="next"/.exec(response.headers.get('Link') ?? '')?.[1];
    const older = new URLSearchParams(next).get('cursor');
    const link = (/** @type {string} */ text, /** @type {string} */ at) =>
      h('a', { href: `#/orders${query({ user_id: userId, cursor: at })}` }, text);
    pages.replaceChildren();
    if (cursor) pages.append(link('Newest', ''));
    if (older) pages.append(link('Older', older));
  }
}

/** @param {Order} order */
function rowOf({ id, created_at: created, provider, amount, rate, status }) {
  const link = h('a', { href: `#/order${query({ id })}` }, dateAndTime(new Date(created)));
  const cells = [foreign(provider), money(amount), percent(rate), badge(status)];
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, link),
    ...cells.map((cell, i) => h('td', { 'data-label': names[i + 1] }, cell)),
  );
}
