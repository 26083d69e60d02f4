/** The format of HTTP dates (RFC 9110, section 5.6.7); `Date.parse` alone accepts almost anything. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Parses `Retry-After` (RFC 9110, section 10.2.3). Returns the milliseconds from now, at most `maxMs`, or undefined if
 * it is missing or invalid.
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
