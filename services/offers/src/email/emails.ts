import type { Logger } from '@loan-buddy/kit/telemetry';
import type { Kysely } from 'kysely';
import type { Sweep } from '../db/sweep';
import type { Tables } from '../db/tables';
import { createWorker, type Worker } from '../db/worker';
import { createDeliverEmail } from './deliver-email';
import { createEmailJobStore } from './email-job-store';
import type { SendEmail } from './send-email';

/** Maximum concurrent e-mails, each over its own connection. */
const CONCURRENCY = 4;
/** Longer than sending one may take, including its statements. */
const LEASE_MS = 300_000;

/** The worker that sends e-mails to users; undefined if sending is off. */
export interface Emails {
  worker: Worker | undefined;
  /** Delete old e-mails, and skip due ones if sending is off. */
  sweeps: readonly Sweep[];
}

/**
 * Sends due e-mails in the background: no checkout or decision waits for them.
 *
 * @param options.send if undefined, sending is off
 * @param options.delaysMs pause before each attempt
 * @param options.retentionMs how long to keep what was sent or failed
 * @param options.pollMs polling interval if there is no wake-up
 * @param options.graceMs at a stop, how long e-mails in progress may take to finish
 */
export function createEmails(options: {
  db: Kysely<Tables>;
  send: SendEmail | undefined;
  delaysMs: readonly number[];
  retentionMs: number;
  pollMs?: number | undefined;
  graceMs: number;
  logger: Logger;
}): Emails {
  const { db, send, delaysMs, retentionMs, pollMs, graceMs, logger } = options;
  const jobs = createEmailJobStore(db);
  return {
    worker:
      send &&
      createWorker({
        name: 'due e-mails',
        claim: (limit) => jobs.claimDue(limit, LEASE_MS),
        work: createDeliverEmail({ jobs, send, delaysMs, logger }),
        capacity: () => CONCURRENCY,
        pollMs,
        graceMs,
        logger,
      }),
    sweeps: [
      { rows: 'e-mail jobs', sweep: (signal) => jobs.deleteEnded(retentionMs, signal) },
      ...(send ? [] : [{ rows: 'e-mails to send', sweep: jobs.skipDue }]),
    ],
  };
}
