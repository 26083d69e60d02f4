import { setMaxListeners } from 'node:events';
import type { Logger } from './logger';
import { createPoller, type Poller } from './poller';

/** More than a job has to add to its signal. */
const LISTENERS_PER_JOB = 10;

/**
 * Works off jobs that a table holds, many at the same time. When it is stopped it takes no more and waits for those in hand,
 * whose signal aborts once they have taken `graceMs` longer.
 *
 * @param options.name says in the log what was looked for
 * @param options.claim takes up to so many jobs that are due; what is in hand is told, too
 * @param options.work does one; if it rejects, that is logged
 * @param options.capacity how many may be in hand now
 * @param options.pollMs how often it looks by itself
 * @param options.graceMs without it, those in hand may take as long as they need
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
