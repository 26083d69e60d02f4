import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 5;

/** Long enough for the slowest machine: it only ends a test that hangs. */
export const HANG_MS = 300_000;

/**
 * Waits until the condition is true.
 *
 * @param limitMs guards against a hang; never use it to measure speed
 * @throws if the condition is still false after `limitMs`.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  limitMs = HANG_MS,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`condition not met after ${String(limitMs)} ms`);
    await sleep(POLL_MS);
  }
}
