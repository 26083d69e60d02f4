import { claims, query } from './api.js';
import { foreign, h, unseen } from './dom.js';
import { aprTypeText, count, money, percent } from './format.js';
/** @import { Column, Offer } from './types.d.ts' */

/** @type {Column[]} */
export const columns = [
  { key: 'provider', label: 'Offer' },
  { key: 'rate', label: 'Rate', show: percent },
  { key: 'monthly_payment', label: 'Monthly payment', show: money },
  { key: 'total_cost', label: 'Total cost', show: money },
  { key: 'apr', label: 'APR', show: percent },
];
const figures = columns.slice(1);

/**
 * Sorts by a column, ties by id. Offers without the value come last in either order.
 *
 * @param {readonly Offer[]} offers
 * @param {string} sort
 * @param {string} order
 */
export function sorted(offers, sort, order) {
  const key = columns.find((column) => column.key === sort)?.key;
  const sign = order === 'desc' ? -1 : 1;
  return [...offers].sort((a, b) => {
    const [x, y] = [key && a[key], key && b[key]];
    if (x === undefined || y === undefined || x === y) {
      return Number(x === undefined) - Number(y === undefined) || (a.id < b.id ? -1 : 1);
    }
    return sign * (x < y ? -1 : 1);
  });
}

/**
 * @param {readonly Offer[]} offers
 * @param {string} sort
 * @param {string} order
 * @param {(key: string) => void} sortBy
 */
export function headOf(offers, sort, order, sortBy) {
  const type = offers.find((offer) => offer.apr_type)?.apr_type;
  const [direction, arrow] = order === 'desc' ? ['descending', '↓'] : ['ascending', '↑'];
  const heads = columns.map(({ key, label }) => {
    const isSorted = key === sort;
    const button = h(
      'button',
      { type: 'button' },
      label,
      key === 'apr' && type !== undefined && h('small', {}, ` ${aprTypeText(type)}`),
      isSorted && h('span', { class: 'arrow', 'aria-hidden': 'true' }, arrow),
    );
    button.addEventListener('click', () => sortBy(key));
    return h('th', { scope: 'col', 'aria-sort': isSorted && direction }, button);
  });
  return [...heads, h('th', { scope: 'col' }, unseen('Checkout'))];
}

/**
 * @param {readonly Offer[]} offers
 * @param {string} amount
 * @param {string} term
 */
export function rowsOf(offers, amount, term) {
  const token = claims();
  const mayOrder = !token || token.scopes.includes('orders:write');
  const lowest = figures.map(({ key }) =>
    offers.length > 1 ? Math.min(...offers.map((offer) => Number(offer[key] ?? Infinity))) : NaN,
  );
  return offers.map((offer) => {
    const { id, provider, currency } = offer;
    const about = [
      Number(amount) !== offer.amount && money(offer.amount, currency),
      ...detailsOf(offer),
    ];
    const path = `#/checkout${query({ loan_id: id, amount, term_months: term })}`;
    return h(
      'tr',
      { 'data-offer': id },
      h(
        'th',
        { scope: 'row' },
        foreign(provider),
        ...about.map((text) => text && h('small', {}, foreign(text))),
        linkTo(offer.url),
      ),
      ...figures.map(({ key, label, show }, i) => {
        const value = offer[key];
        const isLowest = value === lowest[i];
        return h(
          'td',
          { 'data-label': label, class: isLowest && 'lowest' },
          typeof value === 'number' && show ? show(value, currency) : '–',
          isLowest && unseen(' (lowest)'),
        );
      }),
      h(
        'td',
        { class: 'action' },
        mayOrder
          ? h(
              'a',
              { class: 'button', href: path },
              'Check out',
              unseen(' the offer of ', foreign(provider)),
            )
          : h('small', {}, 'Your token does not allow this'),
      ),
    );
  });
}

/** @param {Offer} offer */
function detailsOf({ name, currency, rate_max: max, comparison_rate: compared, fees, flags }) {
  const charged = (fees?.periodic ?? []).map(
    ({ amount, months }) => `${money(amount, currency)} every ${count(months, 'month')}`,
  );
  if (fees?.upfront) charged.unshift(`${money(fees.upfront, currency)} once`);
  return [
    name,
    max !== undefined && `rate up to ${percent(max)}`,
    compared !== undefined && `comparison rate ${percent(compared)}`,
    charged.length > 0 && `fees: ${charged.join(', ')}`,
    flags && `doubtful data: ${flags.join(', ')}`,
  ];
}

/** @param {string} [url] */
function linkTo(url = '') {
  // Only http and https: a link may run a script.
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) return undefined;
  const link = h(
    'a',
    { href: url, rel: 'noreferrer', target: '_blank' },
    'At the provider',
    unseen(' (new tab)'),
  );
  return h('small', {}, link);
}
