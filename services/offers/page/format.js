/** @type {Map<string | undefined, Intl.NumberFormat>} */
const currencies = new Map();

/**
 * An amount in its currency; without one as a plain number, because the page must not invent one.
 *
 * @param {number} value
 * @param {string} [currency]
 */
export function money(value, currency) {
  let format = currencies.get(currency);
  if (!format) {
    format = moneyFormat(currency);
    currencies.set(currency, format);
  }
  return format.format(value);
}

/** @param {string} [currency] */
function moneyFormat(currency) {
  try {
    return new Intl.NumberFormat(undefined, currency ? { style: 'currency', currency } : twoDigits);
  } catch {
    // A provider may send anything as its currency.
    return new Intl.NumberFormat(undefined, twoDigits);
  }
}

const twoDigits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
const percentFormat = new Intl.NumberFormat(undefined, { style: 'percent', ...twoDigits });

/** @param {number} value in percent */
export const percent = (value) => percentFormat.format(value / 100);

const timeFormat = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** @param {Date} date */
export const timeOfDay = (date) => timeFormat.format(date);

/** @param {string} iso */
export const dateAndTime = (iso) => dateFormat.format(new Date(iso));

const plural = new Intl.PluralRules('en');

/**
 * @param {number} number
 * @param {string} noun
 */
export const count = (number, noun) =>
  `${number.toLocaleString()} ${noun}${plural.select(number) === 'one' ? '' : 's'}`;

/** @type {Record<string, string>} */
const reasons = {
  timeout: 'it did not respond in time',
  error: 'it failed',
  invalid: 'its response was not usable',
  'too-large': 'its response was too large',
  'forbidden-address': 'its address is not allowed',
  'rate-limited': 'it gets too many requests',
  'circuit-open': 'it kept failing, so it is not asked for a moment',
};

/** @param {string} reason */
export const reasonText = (reason) => reasons[reason] ?? reason;

/** @type {Record<string, string>} */
const aprTypes = {
  'eu-effective': 'effective, EU',
  'us-nominal': 'nominal, US',
  'au-comparison': 'comparison rate, AU',
};

/** @param {string} type */
export const aprTypeText = (type) => aprTypes[type] ?? type;

/** @type {Record<string, { label: string, sign: string }>} */
const statuses = {
  PENDING: { label: 'Pending', sign: '…' },
  APPROVED: { label: 'Approved', sign: '✓' },
  REJECTED: { label: 'Rejected', sign: '✕' },
  FAILED: { label: 'No decision', sign: '!' },
};

/** @param {string} status */
export const statusText = (status) => statuses[status] ?? { label: status, sign: '' };
