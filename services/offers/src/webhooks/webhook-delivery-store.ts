import { sql, type Kysely, type Selectable } from 'kysely';
import { createBatch } from '../db/batch';
import { createQueue, msFromNow } from '../db/queue';
import type { Tables, WebhookDeliveriesTable } from '../db/tables';
import type { WebhookResult } from './send-webhook';
import { TEST_TYPE, type WebhookMessage } from './webhook-message';

/** A message to one receiver, and its state. */
export type WebhookDelivery = Selectable<WebhookDeliveriesTable>;

export interface ClaimedDelivery extends WebhookMessage {
  endpointId: string;
  url: string;
  /** Signing secrets: the current one, and the previous one while it is still valid. */
  secrets: string[];
  /** Number of earlier attempts. */
  attempts: number;
}

/** The result of one attempt. */
export interface Attempt extends Pick<WebhookResult, 'statusCode' | 'error' | 'gone'> {
  /** When to retry; undefined for never. */
  dueInMs: number | undefined;
  /** How long to pause all deliveries to the receiver. */
  pauseMs: number | undefined;
}

type Success = Pick<Attempt, 'statusCode'> & { delivery: ClaimedDelivery };

const nameOf = ({ endpointId, id }: ClaimedDelivery) => `${endpointId} ${id}`;

const queueOf = (db: Kysely<Tables>) =>
  createQueue(db, {
    table: 'webhookDeliveries',
    key: ['endpointId', 'id', 'attempts'],
    dueAt: 'dueAt',
    pending: sql`status = 'pending'`,
  });

/** Stores deliveries. Every method throws {@link DatabaseUnavailableError} while the database is unavailable. */
export function createWebhookDeliveryStore(db: Kysely<Tables>) {
  const queue = queueOf(db);
  const attempt = { attempts: sql`attempts + 1`, lastAttemptAt: sql`now()` };

  const recordSuccess = createBatch<Success, unknown>({
    name: 'record delivery',
    keyOf: ({ delivery }) => nameOf(delivery),
    write: async (items) => {
      const codes = items.map(({ delivery, statusCode }) => [nameOf(delivery), statusCode]);
      await queue.finish(
        items.map(({ delivery }) => delivery),
        {
          ...attempt,
          status: 'succeeded',
          deliveredAt: sql`now()`,
          lastError: null,
          lastStatusCode: sql`(${JSON.stringify(Object.fromEntries(codes))}::json
            ->> (endpoint_id || ' ' || id))::int`,
        },
      );
      return items;
    },
  });
  const updateEndpoint = (trx: Kysely<Tables>, id: string) =>
    trx.updateTable('webhookEndpoints').where('id', '=', id);

  return {
    /**
     * Claims up to `limit` due deliveries, at most `perEndpoint` to one receiver including those `inProgress`. No other
     * caller gets them until `leaseMs` have passed.
     */
    claimDue: ({
      limit,
      perEndpoint,
      inProgress,
      leaseMs,
    }: {
      limit: number;
      perEndpoint: number;
      inProgress: Readonly<Record<string, number>>;
      leaseMs: number;
    }): Promise<ClaimedDelivery[]> =>
      queue.claim({
        limit,
        leaseMs,
        // Per receiver, so that a long queue for one cannot hide the others.
        due: sql`
          select taken.*, e.url, case when e.previous_secret_until > now()
            then array[e.secret, e.previous_secret] else array[e.secret] end as secrets
          from webhook_endpoints e
          cross join lateral (
            select d.endpoint_id, d.id, d.attempts, d.due_at from webhook_deliveries d
            where d.endpoint_id = e.id and d.status = 'pending' and d.due_at <= now()
            order by d.due_at
            limit greatest(0, ${perEndpoint}::int - coalesce(
              (${JSON.stringify(inProgress)}::json ->> e.id)::int, 0))
            for update skip locked
          ) taken
          where e.enabled and (e.resting_until is null or e.resting_until <= now())
          order by taken.due_at limit ${limit}`,
        returning: sql<ClaimedDelivery>`job.*, due.url, due.secrets`,
      }),

    /** Records the result of an attempt, unless another process made the same attempt and recorded it first. */
    record: async (delivery: ClaimedDelivery, result: Attempt) => {
      const { statusCode, error, dueInMs, pauseMs, gone } = result;
      if (error === null) return recordSuccess({ delivery, statusCode });
      const failure = { ...attempt, lastStatusCode: statusCode, lastError: error };
      const recordOn = (jobs: typeof queue) =>
        dueInMs === undefined
          ? jobs.finish([delivery], { ...failure, status: 'failed' })
          : jobs.retryLater([delivery], dueInMs, failure);
      if (pauseMs === undefined && !gone) return recordOn(queue);
      const change = gone
        ? { enabled: false, disabledReason: 'The receiver responded 410 Gone.' }
        : { restingUntil: sql`greatest(resting_until, ${msFromNow(pauseMs!)})` };
      return db.transaction().execute(async (trx) => {
        // Lock in this order everywhere, as deleting a receiver does.
        await updateEndpoint(trx, delivery.endpointId).set(change).execute();
        return recordOn(queueOf(trx));
      });
    },

    /** Releases a delivery whose outcome is unknown: it is due at once. */
    release: (delivery: ClaimedDelivery) => queue.retryLater([delivery], 0),

    /** Returns the receiver's deliveries, newest first; only those created before the given one. */
    list: (endpointId: string, page: { before?: string | undefined; limit: number }) => {
      const { before, limit } = page;
      let query = db
        .selectFrom('webhookDeliveries')
        .selectAll()
        .where('endpointId', '=', endpointId);
      if (before !== undefined) {
        query = query.where(
          sql<boolean>`seq < (select seq from webhook_deliveries
            where endpoint_id = ${endpointId} and id = ${before})`,
        );
      }
      return query.orderBy('seq', 'desc').limit(limit).execute();
    },

    /** Makes a delivery due at once with no attempts, and ends the receiver's pause; undefined if there is none. */
    replay: (endpointId: string, id: string) =>
      db.transaction().execute(async (trx) => {
        await updateEndpoint(trx, endpointId).set({ restingUntil: null }).execute();
        return trx
          .updateTable('webhookDeliveries')
          .set({ status: 'pending', attempts: 0, dueAt: sql`now()`, deliveredAt: null })
          .where('endpointId', '=', endpointId)
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirst();
      }),

    insertTest: (endpointId: string) =>
      db
        .insertInto('webhookDeliveries')
        .values({
          endpointId,
          id: sql<string>`'msg_' || replace(gen_random_uuid()::text, '-', '')`,
          type: TEST_TYPE,
          time: sql`now()`,
          data: JSON.stringify({ endpoint_id: endpointId }),
        })
        .returningAll()
        .executeTakeFirstOrThrow(),

    /** Deletes deliveries that succeeded or failed this long ago, until the signal aborts; returns how many. */
    deleteEnded: (agoMs: number, signal: AbortSignal) =>
      queue.deleteEnded('lastAttemptAt', agoMs, signal),
  };
}
