import { sql, type Kysely } from 'kysely';
import { deleteInBatches } from '../db/delete-in-batches';
import { inBatches } from '../db/in-batches';
import { inMs } from '../db/in-ms';
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
  forgetEnded: (agoMs: number, signal: AbortSignal) => Promise<number>;
}

/**
 * Stores e-mails in a database. Every method throws {@link DatabaseUnavailableError} while the database is unavailable.
 */
export function createEmailJobStore(db: Kysely<Tables>): EmailJobStore {
  const updateClaimed = ({ seq, attempts }: EmailJob) =>
    db
      .updateTable('email_jobs')
      .where('status', '=', 'pending')
      .where('email_jobs.seq', '=', seq)
      .where('attempts', '=', attempts);
  const due = (limit: number) =>
    db
      .selectFrom('email_jobs')
      .select('seq as due_seq')
      .where('status', '=', 'pending')
      .where('due_at', '<=', sql<Date>`now()`)
      .orderBy('due_at')
      .limit(limit)
      .forUpdate()
      .skipLocked();

  return {
    claimDue: async (limit, leaseMs) => {
      const rows = await db
        .with('due', () => due(limit))
        .updateTable('email_jobs')
        .from('due')
        .innerJoin('orders', (join) => join.onTrue())
        .whereRef('email_jobs.seq', '=', 'due_seq')
        .whereRef('orders.id', '=', 'email_jobs.order_id')
        .set({ due_at: inMs(leaseMs) })
        .returning([
          sql<number>`email_jobs.seq::float8`.as('seq'),
          'email_jobs.event_id',
          'email_jobs.data',
          'email_jobs.attempts',
          sql<string>`coalesce(orders.email, '')`.as('to'),
        ])
        .execute();
      return rows.map(({ event_id: eventId, ...row }) => ({ ...row, eventId }));
    },

    recordSent: async (job) => {
      await updateClaimed(job)
        .set({
          status: 'sent',
          attempts: job.attempts + 1,
          due_at: null,
          last_error: null,
          finished_at: sql`now()`,
        })
        .execute();
    },

    recordFailure: async (job, { reason, dueInMs }) => {
      await updateClaimed(job)
        .set({
          attempts: job.attempts + 1,
          last_error: reason,
          ...(dueInMs === undefined
            ? { status: 'failed', due_at: null, finished_at: sql`now()` }
            : { due_at: inMs(dueInMs) }),
        })
        .execute();
    },

    skipDue: (signal) =>
      inBatches(async (limit) => {
        const { numUpdatedRows } = await db
          .with('due', () => due(limit))
          .updateTable('email_jobs')
          .from('due')
          .whereRef('email_jobs.seq', '=', 'due_seq')
          .set({ status: 'skipped', due_at: null, finished_at: sql`now()` })
          .executeTakeFirst();
        return numUpdatedRows;
      }, signal),

    forgetEnded: (agoMs, signal) => {
      const where = sql<boolean>`status <> 'pending' and finished_at <= ${inMs(-agoMs)}`;
      return deleteInBatches(db, 'email_jobs', { where, orderBy: 'finished_at', signal });
    },
  };
}
