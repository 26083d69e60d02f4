const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The pause before each attempt, the first included, as Standard Webhooks proposes it: three days in all. */
export const attemptDelaysMs: readonly number[] = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** No receiver may ask to be left alone for longer. */
const MAX_RETRY_AFTER_MS = 24 * HOUR;

/** How much of a pause is left to chance, so that what failed together comes back apart. */
const JITTER = 0.1;

/**
 * The pause after so many attempts in vain, give or take a tenth, and at least `atLeastMs`; undefined where that was
 * the last.
 */
export function pauseAfter(
  attempts: number,
  delaysMs: readonly number[],
  atLeastMs = 0,
): number | undefined {
  const delayMs = delaysMs[attempts];
  if (delayMs === undefined) return undefined;
  return Math.max(atLeastMs, Math.round(delayMs * (1 - JITTER + 2 * JITTER * Math.random())));
}

/** The form in which dates are sent (RFC 9110, section 5.6.7); `Date.parse` alone reads almost anything as one. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** What `Retry-After` says (RFC 9110, section 10.2.3), in milliseconds from now; undefined if it says nothing sane. */
export function readRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  let ms = NaN;
  if (/^\d+$/.test(value)) ms = Number(value) * SECOND;
  else if (HTTP_DATE.test(value)) ms = Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}
