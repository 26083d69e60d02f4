import { hasFailed, type Answer, type FailedAnswer } from '../offers/ask-providers';

/** The providers' durations in milliseconds and outcomes as `Server-Timing` (W3C) takes them. */
export function serverTiming(answers: readonly Answer[]): string {
  return answers
    .map((answer) => {
      const timing = `${toToken(answer.provider)};dur=${answer.durationMs.toFixed(1)}`;
      return hasFailed(answer) ? `${timing};desc="${answer.reason}"` : timing;
    })
    .join(', ');
}

/** The providers left out, as a structured list: `"ProviderC";reason=timeout` (RFC 9651). */
export function missingProviders(answers: readonly FailedAnswer[]): string {
  return answers
    .map(({ provider, reason }) => `${toSfString(provider)};reason=${reason}`)
    .join(', ');
}

const tokens = new Map<string, string>();

/** A header token (RFC 9110, section 5.6.2): whatever it may not hold becomes a hyphen. */
function toToken(name: string): string {
  let token = tokens.get(name);
  if (token === undefined) {
    token = name.replace(/[^\w!#$%&'*+.^`|~-]/g, '-');
    tokens.set(name, token);
  }
  return token;
}

/** A structured string (RFC 9651, section 3.3.3), which is printable ASCII. */
function toSfString(name: string): string {
  return `"${name.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}
