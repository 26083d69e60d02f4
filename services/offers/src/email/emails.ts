import type { Sweep } from '../db/sweep';
import { createWorker, type SendingOptions } from '../db/worker';
import { createDeliverEmail } from './deliver-email';
import { createEmailJobStore } from './email-job-store';
import type { SendEmail } from './send-email';

/** Maximum concurrent e-mails, each over its own connection. */
const CONCURRENCY = 4;
/** Longer than sending one may take, including its statements. */
const LEASE_MS = 300_000;

/**
 * Sends due e-mails in the background: no checkout or decision waits for them.
 *
 * @param options.send if undefined, sending is off: due e-mails are skipped
 */
export function createEmails(options: SendingOptions & { send: SendEmail | undefined }) {
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
    ] satisfies Sweep[],
  };
}
