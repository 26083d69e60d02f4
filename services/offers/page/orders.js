import { address, claims, Problem, send } from './api.js';
import { field, foreign, h, heading, say, showProblem } from './dom.js';
import { dateAndTime, money, percent, statusText } from './format.js';
import { tokenForm } from './token.js';

const LIMIT = '10';

/** @type {View} */
export function ordersView(main, params, signal) {
  const token = claims();
  const userId = params.get('user_id') ?? token?.sub ?? '';
  const form = h(
    'form',
    { class: 'query', novalidate: true },
    field({ name: 'user_id', label: 'User id', value: userId, autocomplete: 'username' }),
    h('button', { class: 'primary' }, 'Show orders'),
  );
  form.hidden = token !== undefined && !token.scopes.includes('orders:admin');
  const alert = h('div', { role: 'alert', class: 'alert' });
  const status = h('p', { role: 'status' });
  const body = h('tbody');
  const names = ['Ordered', 'Provider', 'Amount', 'Rate', 'Status'];
  const heads = names.map((name) => h('th', { scope: 'col' }, name));
  const table = h(
    'table',
    { class: 'orders', hidden: true },
    h('thead', {}, h('tr', {}, ...heads)),
    body,
  );
  const pages = h('nav', { class: 'pages', 'aria-label': 'Pages' });
  main.append(heading('My orders'), form, alert, status, table, pages);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    location.hash = address('orders', {
      user_id: String(new FormData(form).get('user_id')).trim(),
    });
  });
  if (userId !== '') void load();
  else say(status, 'Whose orders? Enter the user id of the checkout.');

  async function load() {
    showProblem(alert, undefined, form);
    const cursor = params.get('cursor');
    const query = new URLSearchParams({
      user_id: userId,
      limit: LIMIT,
      ...(cursor && { cursor }),
    });
    try {
      const response = await send(`/orders?${query}`, { signal });
      show(await response.json(), response.headers.get('Link'), cursor !== null);
    } catch (error) {
      if (signal.aborted) return;
      const problem = error instanceof Problem ? error : new Problem({ title: String(error) });
      showProblem(alert, problem, form);
      if (problem.status === 401) alert.append(tokenForm(() => void load()));
    }
  }

  /**
   * @param {Order[]} orders
   * @param {string | null} link
   * @param {boolean} isLaterPage
   */
  function show(orders, link, isLaterPage) {
    say(status, orders.length === 0 ? 'There are no orders.' : '');
    table.hidden = orders.length === 0;
    body.replaceChildren(
      ...orders.map((order) => {
        const { label, sign } = statusText(order.status);
        const path = address('order', { id: order.id });
        const cells = [order.provider, money(order.amount), percent(order.rate)];
        return h(
          'tr',
          {},
          h('th', { scope: 'row' }, h('a', { href: path }, dateAndTime(order.created_at))),
          ...cells.map((text, i) => h('td', { 'data-label': names[i + 1] }, foreign(text))),
          h(
            'td',
            { 'data-label': 'Status' },
            h(
              'span',
              { class: `badge ${order.status}` },
              h('span', { 'aria-hidden': 'true' }, sign),
              ` ${label}`,
            ),
          ),
        );
      }),
    );
    const next = /[?&]cursor=([^&>]+)[^>]*>; rel="next"/.exec(link ?? '')?.[1];
    pages.replaceChildren(
      ...(isLaterPage ? [h('a', { href: address('orders', { user_id: userId }) }, 'Newest')] : []),
      ...(next
        ? [
            h(
              'a',
              { href: address('orders', { user_id: userId, cursor: decodeURIComponent(next) }) },
              'Older',
            ),
          ]
        : []),
    );
  }
}
