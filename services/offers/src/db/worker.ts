import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@loan-buddy/kit/telemetry';
import type { Kysely } from 'kysely';
import type { Tables } from './tables';

/** Polling interval by default. */
const POLL_MS = 500;
/** More listeners than a job adds to its signal. */
const LISTENERS_PER_JOB = 10;

/** How webhooks and e-mails are sent. */
export interface SendingOptions {
  db: Kysely<Tables>;
  /** Pause before each attempt. */
  delaysMs: readonly number[];
  /** How long to keep what was sent or failed. */
  retentionMs: number;
  pollMs?: number | undefined;
  /** At a stop, how long what is in progress may take to finish. */
  graceMs: number;
  logger: Logger;
}

/** Works on jobs whenever some are due. */
export interface Worker {
  start: () => void;
  /** Looks for jobs now. */
  wake: () => void;
  /** Claims no more jobs. Resolves when the jobs in progress are done. */
  stop: () => Promise<void>;
}

/**
 * Works on the jobs of a queue, many at a time. Claims jobs when it starts, when it is woken, when a job is done, and
 * every `pollMs`; one claim at a time.
 *
 * @param options.claim claims up to `limit` jobs that are due
 * @param options.work does one job. After `false`, the worker waits for the next poll
 * @param options.capacity how many jobs may be in progress now
 * @param options.graceMs how long jobs may go on after a stop, until their signal aborts; unlimited if missing
 */
export function createWorker<Job>(options: {
  name: string;
  claim: (limit: number, inProgress: readonly Job[]) => Promise<Job[]>;
  work: (job: Job, signal: AbortSignal) => Promise<unknown>;
  capacity: () => number;
  pollMs?: number | undefined;
  graceMs?: number;
  logger: Logger;
}): Worker {
  const { name, claim, work, capacity, pollMs = POLL_MS, graceMs, logger } = options;
  const inProgress = new Map<Job, Promise<void>>();
  const aborting = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let stopping = false;
  let failing = false;
  let waking = new AbortController();

  async function run(): Promise<void> {
    while (!stopping) {
      // Before the claim: a job may become due after it.
      const { signal } = (waking = new AbortController());
      if (!(await startDue())) await sleep(pollMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Claims jobs and starts them. Returns whether more may be due. */
  async function startDue(): Promise<boolean> {
    const free = capacity() - inProgress.size;
    if (free <= 0) return false;
    let jobs;
    try {
      jobs = await claim(free, [...inProgress.keys()]);
      failing = false;
    } catch (error) {
      // Logged once: the next poll comes soon, and an outage may last.
      if (!failing) logger.warn({ err: error, work: name }, 'polling failed');
      failing = true;
      return false;
    }
    for (const job of jobs) inProgress.set(job, finish(job));
    setMaxListeners(inProgress.size * LISTENERS_PER_JOB, aborting.signal);
    return jobs.length > 0 && inProgress.size < capacity();
  }

  async function finish(job: Job): Promise<void> {
    const result = await work(job, aborting.signal).catch((error: unknown) => {
      logger.warn({ err: error, work: name }, 'job failed');
    });
    inProgress.delete(job);
    if (result !== false) wake();
  }

  function wake(): void {
    waking.abort();
  }

  return {
    start: () => {
      running = run();
    },
    wake,
    stop: async () => {
      stopping = true;
      wake();
      await running;
      const abort = aborting.abort.bind(aborting, undefined);
      const timer = graceMs === undefined ? undefined : setTimeout(abort, graceMs);
      await Promise.all(inProgress.values());
      clearTimeout(timer);
    },
  };
}
