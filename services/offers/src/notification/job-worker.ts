import { setMaxListeners } from 'node:events';
import { createPoller, type Logger, type Poller } from '@loan-buddy/kit';

/** More than a job has to add to its signal. */
const LISTENERS_PER_JOB = 10;

/**
 * Works off jobs that a table holds, `concurrency` at the same time. When it is stopped it takes no more, and gives those
 * in hand `graceMs` before it aborts their signal.
 */
export function createJobWorker<Job>(options: {
  name: string;
  /** Takes up to so many jobs that are due; what is in hand is told, too. */
  claim: (limit: number, inHand: readonly Job[]) => Promise<Job[]>;
  work: (job: Job, signal: AbortSignal) => Promise<void>;
  concurrency: number;
  graceMs: number;
  logger: Logger;
}): Poller {
  const { name, claim, work, concurrency, graceMs, logger } = options;
  const inHand = new Map<Job, Promise<void>>();
  const stopping = new AbortController();
  setMaxListeners(concurrency * LISTENERS_PER_JOB, stopping.signal);
  const poller = createPoller({ name, work: takeDue, logger });

  async function takeDue(): Promise<boolean> {
    const wanted = concurrency - inHand.size;
    const taken = wanted > 0 ? await claim(wanted, [...inHand.keys()]) : [];
    for (const job of taken) take(job);
    return taken.length > 0 && inHand.size < concurrency;
  }

  function take(job: Job): void {
    const working = work(job, stopping.signal)
      .catch((error: unknown) => {
        logger.warn({ err: error, work: name }, 'job broke off');
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
      const timer = setTimeout(() => {
        stopping.abort();
      }, graceMs);
      await Promise.all(inHand.values());
      clearTimeout(timer);
    },
  };
}
