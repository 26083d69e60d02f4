import { setMaxListeners } from 'node:events';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { createPoller, type Poller } from './poller';

/** More listeners than a job adds to its signal. */
const LISTENERS_PER_JOB = 10;

/**
 * Works on jobs from a table, many at a time. When stopped, it claims no more and waits for the jobs in progress; after
 * `graceMs`, their signal aborts.
 *
 * @param options.name names the work in the log
 * @param options.claim claims up to `limit` jobs that are due; it also gets the jobs in progress
 * @param options.work does one job; if it rejects, that is logged
 * @param options.capacity how many jobs may be in progress now
 * @param options.pollMs how often it looks for jobs when nothing wakes it
 * @param options.graceMs if missing, the jobs in progress may take as long as they need
 */
export function createJobWorker<Job>(options: {
  name: string;
  claim: (limit: number, inHand: readonly Job[]) => Promise<Job[]>;
  work: (job: Job, signal: AbortSignal) => Promise<void>;
  capacity: () => number;
  pollMs?: number | undefined;
  graceMs?: number;
  logger: Logger;
}): Poller {
  const { name, claim, work, capacity, pollMs, graceMs, logger } = options;
  const inHand = new Map<Job, Promise<void>>();
  const stopping = new AbortController();
  const poller = createPoller({ name, work: takeDue, pollMs, logger });

  async function takeDue(): Promise<boolean> {
    const wanted = capacity() - inHand.size;
    const taken = wanted > 0 ? await claim(wanted, [...inHand.keys()]) : [];
    for (const job of taken) take(job);
    setMaxListeners(inHand.size * LISTENERS_PER_JOB, stopping.signal);
    return taken.length > 0 && inHand.size < capacity();
  }

  function take(job: Job): void {
    const working = work(job, stopping.signal)
      .catch((error: unknown) => {
        logger.warn({ err: error, work: name }, 'job failed');
      })
      .finally(() => {
        inHand.delete(job);
        poller.wake();
      });
    inHand.set(job, working);
  }

  return {
    ...poller,
    stop: async () => {
      await poller.stop();
      const timer =
        graceMs === undefined
          ? undefined
          : setTimeout(() => {
              stopping.abort();
            }, graceMs);
      await Promise.all(inHand.values());
      clearTimeout(timer);
    },
  };
}
