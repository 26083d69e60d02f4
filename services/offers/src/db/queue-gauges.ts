import type { GaugeSource } from '@loan-buddy/kit/telemetry';
import { sql, type Kysely } from 'kysely';
import type { Tables } from './tables';

/** Counts up to this many rows of a queue, so that a scrape stays cheap however long the queue is. */
const MAX_DEPTH = 10_000;

/** Rows that wait, each by the index that the worker also uses. */
const WAITING = {
  orders: sql`select created_at from orders where status = 'PENDING' order by due_at`,
  events: sql`select time from order_events where published_at is null order by seq`,
  webhooks: sql`select created_at from webhook_deliveries where status = 'pending'
    order by endpoint_id, due_at`,
  emails: sql`select created_at from email_jobs where status = 'pending' order by due_at`,
};

export type QueueName = keyof typeof WAITING;

/** Gauges of the queues, read from the database: each replica reports the same. */
export function createQueueGauges(db: Kysely<Tables>, queues: readonly QueueName[]): GaugeSource {
  const each = queues.map(
    (queue) => sql`
      select ${queue}::text as queue, count(*) as depth,
        coalesce(greatest(extract(epoch from now() - min(since)), 0), 0)::float8 as "ageS"
      from (${WAITING[queue]} limit ${MAX_DEPTH}) as waiting (since)`,
  );
  const query = sql<{ queue: QueueName; depth: number; ageS: number }>`
    ${sql.join(each, sql` union all `)}`;
  return {
    gauges: {
      loan_buddy_queue_depth: {
        help: `Jobs that wait in the database, by queue; ${String(MAX_DEPTH)} for that many or more.`,
        label: 'queue',
      },
      loan_buddy_queue_oldest_age_seconds: {
        help: 'Time since the oldest of these jobs was created, by queue; 0 if none waits.',
        label: 'queue',
      },
    },
    read: async () => {
      const { rows } = await query.execute(db);
      return {
        loan_buddy_queue_depth: Object.fromEntries(rows.map(({ queue, depth }) => [queue, depth])),
        loan_buddy_queue_oldest_age_seconds: Object.fromEntries(
          rows.map(({ queue, ageS }) => [queue, ageS]),
        ),
      };
    },
  };
}
