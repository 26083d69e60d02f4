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

/** How much of a pause is left to chance, so that what failed together comes back apart. */
const JITTER = 0.1;

/**
 * The pause after so many failed attempts, give or take a tenth, and at least `atLeastMs`; undefined where that was
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
