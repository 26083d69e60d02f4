const SECOND = 1000;
const MINUTE = 60 * SECOND;
const laterMs = [2, 5, 10, 14, 20, 24].map((hours) => hours * 60 * MINUTE);

/** Pause before each attempt, including the first, as Standard Webhooks suggests: three days in total. */
export const attemptDelaysMs = [0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, ...laterMs];

/** Random share of each pause, so that deliveries that failed together spread out. */
const JITTER = 0.1;

/** Returns the pause after this many failed attempts: ±10 %, and at least `atLeastMs`; undefined after the last. */
export function scheduledPauseMs(
  attempts: number,
  delaysMs: readonly number[],
  atLeastMs = 0,
): number | undefined {
  const delayMs = delaysMs[attempts];
  if (delayMs === undefined) return undefined;
  return Math.max(atLeastMs, Math.round(delayMs * (1 - JITTER + 2 * JITTER * Math.random())));
}

/**
 * Returns the pause after this many failed attempts: `baseMs` at first, doubling up to `capMs`. The second half of it
 * is random, so that orders that failed together spread out.
 */
export function exponentialPauseMs(
  attempts: number,
  { baseMs, capMs }: { baseMs: number; capMs: number },
): number {
  const longest = Math.min(capMs, baseMs * 2 ** (attempts - 1));
  return Math.round(longest * (0.5 + Math.random() / 2));
}
