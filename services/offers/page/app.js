import { claims, needsToken } from './api.js';
import { checkoutView } from './checkout.js';
import { offersView } from './offers.js';
import { orderView } from './order.js';
import { ordersView } from './orders.js';
import { tokenView } from './token.js';

/** @type {Map<string, View>} */
const views = new Map([
  ['offers', offersView],
  ['checkout', checkoutView],
  ['order', orderView],
  ['orders', ordersView],
  ['token', tokenView],
]);

const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const links = [
  .../** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll('nav a')),
];
let leaving = new AbortController();

/** Shows the view that the address names: `#/order?id=…`. */
function show() {
  leaving.abort();
  leaving = new AbortController();
  const [, name = '', query = ''] = /^#\/(\w+)\??(.*)/.exec(location.hash) ?? [];
  main.replaceChildren();
  const view = views.get(name) ?? offersView;
  view(main, new URLSearchParams(query), leaving.signal);
  const title = main.querySelector('h1')?.textContent ?? '';
  document.title = `${title} – loan-buddy`;
  for (const link of links) {
    const isCurrent = link.hash === `#/${name || 'offers'}`;
    if (isCurrent) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

function showTokenLink() {
  const link = links.at(-1);
  if (!link) return;
  link.hidden = !needsToken();
  link.textContent = claims()?.sub ?? 'Token';
}

addEventListener('hashchange', () => {
  show();
  scrollTo(0, 0);
  main.querySelector('h1')?.focus({ preventScroll: true });
});
addEventListener('token-changed', showTokenLink);
showTokenLink();
show();
