import type { Logger } from '@loan-buddy/kit';

/** Forgets what nobody needs any longer. */
export interface Sweep {
  /** What that is, for the log. */
  rows: string;
  /** Forgets it, or as much as it can before the signal aborts; returns how many there were. */
  sweep: (signal: AbortSignal) => Promise<number>;
}

/** How often there is something to forget. */
const SWEEP_INTERVAL_MS = 60_000;

/**
 * Sweeps from time to time, one after the other, until the returned function is called; that resolves when nothing is
 * under way any longer.
 */
export function keepSweeping(sweeps: readonly Sweep[], logger: Logger): () => Promise<void> {
  const stopping = new AbortController();
  let underWay: Promise<void> | undefined;
  const sweepAll = async () => {
    for (const { rows, sweep } of sweeps) {
      try {
        const forgotten = await sweep(stopping.signal);
        if (forgotten > 0) logger.info({ rows, forgotten }, 'old rows forgotten');
      } catch (error) {
        logger.warn({ err: error, rows }, 'old rows could not be forgotten');
      }
    }
    underWay = undefined;
  };
  // The first sweep of a full table may take longer than the interval.
  const timer = setInterval(() => {
    underWay ??= sweepAll();
  }, SWEEP_INTERVAL_MS);
  return async () => {
    clearInterval(timer);
    stopping.abort();
    await underWay;
  };
}
