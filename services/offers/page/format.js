const twoDigits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };

/** @type {Map<string | undefined, Intl.NumberFormat>} */
const currencies = new Map();

/** @param {string} [currency] */
function moneyFormat(currency) {
  try {
    return new Intl.NumberFormat(undefined, currency ? { style: 'currency', currency } : twoDigits);
  } catch {
    // A provider may send anything as its currency.
    return new Intl.NumberFormat(undefined, twoDigits);
  }
}

/**
 * An amount in its currency; without one as a plain number, because the page must not invent one.
 *
 * @param {number} value
 * @param {string} [currency]
 */
export function money(value, currency) {
  const format = currencies.get(currency) ?? moneyFormat(currency);
  currencies.set(currency, format);
  return format.format(value);
}

const percentFormat = new Intl.NumberFormat(undefined, { style: 'percent', ...twoDigits });

/** @param {number} value in percent */
export const percent = (value) => percentFormat.format(value / 100);

export const timeOfDay = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' }).format;

export const dateAndTime = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'medium',
  timeStyle: 'medium',
}).format;

/**
 * @param {number} number
 * @param {string} noun
 */
export const count = (number, noun) =>
  `${number.toLocaleString()} ${noun}${number === 1 ? '' : 's'}`;

/** @type {Record<string, string>} */
const aprTypes = {
  'eu-effective': 'effective, EU',
  'us-nominal': 'nominal, US',
  'au-comparison': 'comparison rate, AU',
};

/** @param {string} type */
export const aprTypeText = (type) => aprTypes[type] ?? type;

/** @type {Record<string, string[]>} */
const statuses = {
  PENDING: ['…', 'Pending'],
  APPROVED: ['✓', 'Approved'],
  REJECTED: ['✕', 'Rejected'],
  FAILED: ['!', 'No decision'],
};

/** @param {string} status in the API, to show as a sign and a name */
export const statusText = (status) => statuses[status] ?? ['', status];
