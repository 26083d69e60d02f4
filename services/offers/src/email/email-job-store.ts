import { sql, type Kysely } from 'kysely';
import { createQueue } from '../db/queue';
import type { Tables } from '../db/tables';
import type { OrderEventData } from '../domain/order-event';

/** An e-mail about a final order event, to the user. */
export interface EmailJob {
  seq: number;
  /** Identifies the message; every attempt has the same id. */
  eventId: string;
  to: string;
  data: OrderEventData;
  /** Number of earlier attempts. */
  attempts: number;
}

/** Stores e-mails to send. A database trigger creates them for orders with an address. */
export interface EmailJobStore {
  /** Claims up to `limit` due e-mails. No other caller gets them until `leaseMs` have passed. */
  claimDue: (limit: number, leaseMs: number) => Promise<EmailJob[]>;
  recordSent: (job: EmailJob) => Promise<void>;
  /** Records a failed attempt: the e-mail is due again later, or never. */
  recordFailure: (
    job: EmailJob,
    failure: { reason: string; dueInMs: number | undefined },
  ) => Promise<void>;
  /** Marks due e-mails as skipped until the signal aborts; returns how many. */
  skipDue: (signal: AbortSignal) => Promise<number>;
  /** Deletes e-mails that were sent, failed or skipped this long ago, until the signal aborts; returns how many. */
  deleteEnded: (agoMs: number, signal: AbortSignal) => Promise<number>;
}

/**
 * Stores e-mails in a database. Every method throws {@link DatabaseUnavailableError} while the database is unavailable.
 */
export function createEmailJobStore(db: Kysely<Tables>): EmailJobStore {
  const queue = createQueue(db, {
    table: 'emailJobs',
    key: ['seq', 'attempts'],
    dueAt: 'dueAt',
    pending: sql`status = 'pending'`,
  });
  const finishedAt = sql`now()`;

  return {
    claimDue: (limit, leaseMs) =>
      queue.claim({
        limit,
        leaseMs,
        returning: sql<EmailJob>`job.*,
          coalesce((select email from orders where id = job.order_id), '') as "to"`,
      }),

    recordSent: async (job) => {
      const attempts = job.attempts + 1;
      await queue.finish([job], { status: 'sent', attempts, lastError: null, finishedAt });
    },

    recordFailure: async (job, { reason, dueInMs }) => {
      const failure = { attempts: job.attempts + 1, lastError: reason };
      if (dueInMs !== undefined) await queue.retryLater([job], dueInMs, failure);
      else await queue.finish([job], { ...failure, status: 'failed', finishedAt });
    },

    skipDue: (signal) => queue.finishDue({ status: 'skipped', finishedAt }, signal),

    deleteEnded: (agoMs, signal) => queue.deleteEnded('finishedAt', agoMs, signal),
  };
}
