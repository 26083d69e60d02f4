import { claims } from './api.js';
import { checkoutView } from './checkout.js';
import { foreign } from './dom.js';
import { offersView } from './offers.js';
import { orderView } from './order.js';
import { ordersView } from './orders.js';
import { tokenView } from './token.js';
/** @import { View } from './types.d.ts' */

/** @type {Map<string, View>} */
const views = new Map([
  ['offers', offersView],
  ['checkout', checkoutView],
  ['order', orderView],
  ['orders', ordersView],
  ['token', tokenView],
]);

const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll('nav a'));
let leaving = new AbortController();

/** Shows the view that the address names, such as `#/order?id=…`. */
function show() {
  leaving.abort();
  leaving = new AbortController();
  const [, name = '', parameters = ''] = /^#\/(\w+)\??(.*)/.exec(location.hash) ?? [];
  const view = views.get(name) ?? offersView;
  main.replaceChildren();
  view(main, new URLSearchParams(parameters), leaving.signal);
  document.title = `${main.querySelector('h1')?.textContent} – loan-buddy`;
  const token = claims();
  for (const link of links) {
    const target = link.hash.slice(2);
    link.ariaCurrent = view === views.get(target) ? 'page' : null;
    if (target !== 'token') continue;
    link.hidden = token === undefined;
    link.replaceChildren(foreign(token?.sub ?? ''));
  }
}

addEventListener('hashchange', () => {
  show();
  scrollTo(0, 0);
  main.querySelector('h1')?.focus({ preventScroll: true });
});
show();
