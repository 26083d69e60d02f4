import { hasFailed, type Result } from '../catalogue/cached-provider';

/**
 * Describes the providers' results as alternating header names and values: `Server-Timing` (W3C) with each provider's
 * duration in milliseconds and outcome, and structured lists (RFC 9651) of providers that are missing, partial or stale
 * at `now` (on the clock of `performance.now()`), such as `Missing-Providers: "ProviderC";reason=timeout`. Empty lists
 * are omitted.
 */
export function providerHeaders(results: readonly Result[], now: number): readonly string[] {
  const missing: string[] = [];
  const partial: string[] = [];
  const stale: string[] = [];
  const timings = results.map((result) => {
    const timing = `${toToken(result.provider)};dur=${result.durationMs.toFixed(1)}`;
    if (hasFailed(result)) {
      missing.push(`${toSfString(result.provider)};reason=${result.reason}`);
      return `${timing};desc="${result.reason}"`;
    }
    const { unread, asOf, isStale } = result;
    if (unread > 0) partial.push(`${toSfString(result.provider)};unread=${String(unread)}`);
    if (isStale) {
      const ageS = Math.floor((now - asOf) / 1000);
      stale.push(`${toSfString(result.provider)};age=${String(ageS)}`);
      return `${timing};desc="stale"`;
    }
    return result.durationMs === 0 ? `${timing};desc="fresh"` : timing;
  });
  return [
    ...list('Server-Timing', timings),
    ...list('Missing-Providers', missing),
    ...list('Partial-Providers', partial),
    ...list('Stale-Providers', stale),
  ];
}

/** Many clients accept at most 16 KiB of headers, so drop the last timings rather than break the response. */
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

/** A token (RFC 9110, section 5.6.2). */
function toToken(name: string): string {
  return name.replace(/[^\w!#$%&'*+.^`|~-]/g, '-');
}

/** A string (RFC 9651, section 3.3.3) has printable ASCII only. */
function toSfString(name: string): string {
  return `"${name.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
