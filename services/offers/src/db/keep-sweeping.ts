import type { Logger } from '@loan-buddy/kit/telemetry';

/** Deletes rows that are no longer needed. */
export interface Sweep {
  /** What the rows are, for the log. */
  rows: string;
  /** Deletes rows until done or the signal aborts; returns how many. */
  sweep: (signal: AbortSignal) => Promise<number>;
}

/** Interval between sweeps. */
const SWEEP_INTERVAL_MS = 60_000;

/**
 * Runs the sweeps at intervals, one after the other, until the returned function is called. Its promise resolves when
 * no sweep is running.
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
