const DECIMAL = /^\d+(\.\d+)?$/;

/** Highest value to read as a fraction, and the range of values that must be percent. */
const HIGHEST_FRACTION = 0.6;
const PERCENT = { lowest: 1, highest: 60 };

/**
 * Parses a rate, a decimal fraction, into percent; undefined if invalid. Some banks send percent against the standard.
 * Moves the decimal point in the text: 0.0295 × 100 would be 2.9499999999999997.
 */
export function parseRate(text: string | undefined) {
  if (text === undefined || !DECIMAL.test(text)) return undefined;
  const value = Number(text);
  if (value > 0 && value < HIGHEST_FRACTION) {
    return { percent: Number(`${text}e2`), wasPercent: false };
  }
  const isPercent = value >= PERCENT.lowest && value <= PERCENT.highest;
  return isPercent ? { percent: value, wasPercent: true } : undefined;
}

/** No loan is larger, and no fee is charged more often than daily. */
const HIGHEST_AMOUNT = 1e9;
const SHORTEST_PERIOD_MONTHS = 0.03;

/** Parses an amount such as `5000.00`, `$1,000.00` or `50,000`. Returns undefined for any other text. */
export function parseAmount(text: string | undefined): number | undefined {
  const digits = text
    ?.trim()
    .replace(/^\$\s*/, '')
    .replace(/,(?=\d{3}(\D|$))/g, '');
  if (digits === undefined || !DECIMAL.test(digits)) return undefined;
  const value = Number(digits);
  return value <= HIGHEST_AMOUNT ? value : undefined;
}

const DURATION =
  /^P(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?$/;
const MONTHS_A_YEAR = 12;
const DAYS_A_YEAR = 365;

/** Parses an ISO 8601 duration such as `P84M`, `P7Y` or `P14D` into months; undefined if invalid or zero. */
export function parseMonths(text: string | undefined): number | undefined {
  const match = DURATION.exec(text ?? '');
  if (!match) return undefined;
  const parts = match.slice(1).map((part) => Number(part || 0));
  const [years = 0, months = 0, weeks = 0, days = 0] = parts;
  const total = MONTHS_A_YEAR * (years + (weeks * 7 + days) / DAYS_A_YEAR) + months;
  return total >= SHORTEST_PERIOD_MONTHS && total <= HIGHEST_AMOUNT ? total : undefined;
}
