import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 5;

/**
 * Waits until the condition holds. The limit is no measure of speed: it only ends a test that waits in vain, before the
 * loop outlives it.
 *
 * @throws where it does not hold after `limitMs`.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not so after ${String(limitMs)} ms`);
    await sleep(POLL_MS);
  }
}
