import { sql, type Kysely, type Selectable } from 'kysely';
import { createQueue } from '../db/queue';
import type { EmailJobsTable, Tables } from '../db/tables';

/** An e-mail about a final order event, to the user, with the trace context of the checkout. */
export type EmailJob = { to: string; traceparent: string | null } & Pick<
  Selectable<EmailJobsTable>,
  'seq' | 'eventId' | 'data' | 'attempts'
>;

/**
 * Stores e-mails to send. A database trigger creates them for orders with an address. Every method throws
 * {@link DatabaseUnavailableError} while the database is unavailable.
 */
export function createEmailJobStore(db: Kysely<Tables>) {
  const queue = createQueue(db, {
    table: 'emailJobs',
    key: ['seq', 'attempts'],
    dueAt: 'dueAt',
    pending: sql`status = 'pending'`,
  });
  const finishedAt = sql`now()`;

  return {
    /** Claims up to `limit` due e-mails. No other caller gets them until `leaseMs` have passed. */
    claimDue: (limit: number, leaseMs: number) =>
      queue.claim({
        limit,
        leaseMs,
        returning: sql<EmailJob>`job.*,
          coalesce((select email from orders where id = job.order_id), '') as "to",
          (select traceparent from orders where id = job.order_id) as traceparent`,
      }),

    recordSent: (job: EmailJob) => {
      const attempts = job.attempts + 1;
      return queue.finish([job], { status: 'sent', attempts, lastError: null, finishedAt });
    },

    /** Records a failed attempt: the e-mail is due again after `dueInMs`, or never if that is undefined. */
    recordFailure: (job: EmailJob, reason: string, dueInMs: number | undefined) => {
      const failure = { attempts: job.attempts + 1, lastError: reason };
      if (dueInMs !== undefined) return queue.retryLater([job], dueInMs, failure);
      return queue.finish([job], { ...failure, status: 'failed', finishedAt });
    },

    /** Marks due e-mails as skipped until the signal aborts; returns how many. */
    skipDue: (signal: AbortSignal) => queue.finishDue({ status: 'skipped', finishedAt }, signal),

    /** Deletes e-mails that were sent, failed or skipped this long ago, until the signal aborts; returns how many. */
    deleteEnded: (agoMs: number, signal: AbortSignal) =>
      queue.deleteEnded('finishedAt', agoMs, signal),
  };
}
