import type { TimedAnswer } from '../offers/ask-providers';
import { hasFailed } from '../offers/cached-provider';

/**
 * What the providers' answers say of themselves, as header names and values in turn: `Server-Timing` (W3C) with each
 * one's duration in milliseconds and outcome, and structured lists (RFC 9651) of those that are missing, partial or
 * stale `now`, on the clock of `performance.now()`, where there are any: `Missing-Providers: "ProviderC";reason=timeout`.
 */
export function providerHeaders(answers: readonly TimedAnswer[], now: number): readonly string[] {
  const missing: string[] = [];
  const partial: string[] = [];
  const stale: string[] = [];
  const timings = answers.map((answer) => {
    const name = toSfString(answer.provider);
    const timing = `${toToken(answer.provider)};dur=${answer.durationMs.toFixed(1)}`;
    if (hasFailed(answer)) {
      missing.push(`${name};reason=${answer.reason}`);
      return `${timing};desc="${answer.reason}"`;
    }
    const { unread, asOf, isStale } = answer;
    if (unread > 0) partial.push(`${name};unread=${String(unread)}`);
    if (isStale) {
      stale.push(`${name};age=${String(Math.floor((now - asOf) / 1000))}`);
      return `${timing};desc="stale"`;
    }
    return answer.durationMs === 0 ? `${timing};desc="fresh"` : timing;
  });
  return [
    ...list('Server-Timing', timings),
    ...list('Missing-Providers', missing),
    ...list('Partial-Providers', partial),
    ...list('Stale-Providers', stale),
  ];
}

/** Many a client reads 16 KiB of headers at most, and an answer is worth more than the last of its timings. */
const MAX_LENGTH = 3000;

function list(name: string, items: readonly string[]): string[] {
  let value = items[0];
  if (value === undefined) return [];
  for (const item of items.slice(1)) {
    if (value.length + item.length > MAX_LENGTH) break;
    value += `, ${item}`;
  }
  return [name, value];
}

/** A header token (RFC 9110, section 5.6.2): whatever it may not hold becomes a hyphen. */
function toToken(name: string): string {
  return name.replace(/[^\w!#$%&'*+.^`|~-]/g, '-');
}

/** A structured string (RFC 9651, section 3.3.3), which is printable ASCII. */
function toSfString(name: string): string {
  return `"${name.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
