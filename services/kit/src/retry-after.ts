/** The form in which dates are sent (RFC 9110, section 5.6.7); `Date.parse` alone reads almost anything as one. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * What `Retry-After` says (RFC 9110, section 10.2.3), in milliseconds from now and at most `maxMs`; undefined if it says
 * nothing sane.
 */
export function readRetryAfter(
  value: string | undefined,
  { maxMs, now = Date.now() }: { maxMs: number; now?: number },
): number | undefined {
  if (value === undefined) return undefined;
  let ms = NaN;
  if (/^\d+$/.test(value)) ms = Number(value) * 1000;
  else if (HTTP_DATE.test(value)) ms = Date.parse(value) - now;
  return Number.isNaN(ms) ? undefined : Math.min(maxMs, Math.max(0, ms));
}
