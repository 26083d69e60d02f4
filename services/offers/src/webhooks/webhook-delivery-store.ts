import { sql, type Kysely, type Selectable } from 'kysely';
import { deleteInBatches } from '../db/delete-in-batches';
import { inMs } from '../db/in-ms';
import type { Tables, WebhookDeliveriesTable } from '../db/tables';
import { TEST_TYPE, type WebhookMessage } from './webhook-message';
import type { DeliveryStatus } from '../domain/delivery-status';

/** A message to one receiver, and its state. */
export interface WebhookDelivery extends WebhookMessage {
  endpointId: string;
  status: DeliveryStatus;
  /** Attempts since it was created or replayed. */
  attempts: number;
  /** When it is sent next, or again if the sending process died; null unless it is pending. */
  dueAt: Date | null;
  lastAttemptAt: Date | null;
  /** Status of the receiver's last response; null if there was none. */
  lastStatusCode: number | null;
  lastError: string | null;
  createdAt: Date;
  deliveredAt: Date | null;
}

/** A delivery claimed for sending. */
export interface ClaimedDelivery extends WebhookMessage {
  endpointId: string;
  url: string;
  /** Signing secrets: the current one, and the previous one while it is still valid. */
  secrets: string[];
  /** Number of earlier attempts. */
  attempts: number;
}

/** The result of one attempt. */
export interface Attempt {
  statusCode: number | null;
  /** Null if it was delivered. */
  error: string | null;
  /** When to retry; undefined for never. */
  dueInMs?: number | undefined;
  /** How long to pause all deliveries to the receiver. */
  restMs?: number | undefined;
  /** Why to disable the receiver. */
  disable?: string | undefined;
}

/** Stores deliveries. */
export interface WebhookDeliveryStore {
  /**
   * Claims up to `limit` due deliveries, at most `perEndpoint` to one receiver including those `inHand`. No other
   * caller gets them until `leaseMs` have passed.
   */
  claimDue: (options: {
    limit: number;
    perEndpoint: number;
    inHand: ReadonlyMap<string, number>;
    leaseMs: number;
  }) => Promise<ClaimedDelivery[]>;
  /** Records the result of an attempt, unless another process made the same attempt and recorded it first. */
  record: (delivery: ClaimedDelivery, attempt: Attempt) => Promise<void>;
  /** Releases a delivery whose outcome is unknown: it is due at once. */
  release: (delivery: ClaimedDelivery) => Promise<void>;
  /** Returns the receiver's deliveries, newest first; only those created before the given one. */
  list: (
    endpointId: string,
    page: { before?: string | undefined; limit: number },
  ) => Promise<WebhookDelivery[]>;
  /**
   * Makes a delivery due at once with no attempts, and ends the receiver's pause. Returns undefined if there is none.
   */
  replay: (endpointId: string, id: string) => Promise<WebhookDelivery | undefined>;
  /** Creates a test message. */
  insertTest: (endpointId: string) => Promise<WebhookDelivery>;
  /** Deletes deliveries that succeeded or failed this long ago, until the signal aborts; returns how many. */
  forgetEnded: (agoMs: number, signal: AbortSignal) => Promise<number>;
}

const columns = [
  'endpoint_id',
  'id',
  'type',
  'time',
  'data',
  'status',
  'attempts',
  'due_at',
  'last_attempt_at',
  'last_status_code',
  'last_error',
  'created_at',
  'delivered_at',
] as const;

/**
 * Stores deliveries in a database. Every method throws {@link DatabaseUnavailableError} while the database is
 * unavailable.
 */
export function createWebhookDeliveryStore(db: Kysely<Tables>): WebhookDeliveryStore {
  const updateOne = (trx: Kysely<Tables>, endpointId: string, id: string) =>
    trx
      .updateTable('webhook_deliveries')
      .where('endpoint_id', '=', endpointId)
      .where('id', '=', id);

  const updateClaimed = (trx: Kysely<Tables>, { endpointId, id, attempts }: ClaimedDelivery) =>
    updateOne(trx, endpointId, id).where('status', '=', 'pending').where('attempts', '=', attempts);

  const updateEndpoint = (trx: Kysely<Tables>, id: string) =>
    trx.updateTable('webhook_endpoints').where('id', '=', id);

  return {
    claimDue: async ({ limit, perEndpoint, inHand, leaseMs }) => {
      // Per receiver, so that a long queue for one cannot hide the others.
      const { rows } = await sql<ClaimedRow>`
        with due as materialized (
          select taken.endpoint_id, taken.id from webhook_endpoints e
          cross join lateral (
            select d.endpoint_id, d.id, d.due_at from webhook_deliveries d
            where d.endpoint_id = e.id and d.status = 'pending' and d.due_at <= now()
            order by d.due_at
            limit greatest(0, ${perEndpoint}::int - coalesce(
              (${JSON.stringify(Object.fromEntries(inHand))}::json ->> e.id)::int, 0))
            for update skip locked
          ) taken
          where e.enabled and (e.resting_until is null or e.resting_until <= now())
          order by taken.due_at limit ${limit}
        )
        update webhook_deliveries d set due_at = ${inMs(leaseMs)}
        from due join webhook_endpoints e on e.id = due.endpoint_id
        where d.endpoint_id = due.endpoint_id and d.id = due.id
        returning d.endpoint_id, d.id, d.type, d.time, d.data, d.attempts, e.url, e.secret,
          case when e.previous_secret_until > now() then e.previous_secret end as previous_secret
      `.execute(db);
      return rows.map(({ endpoint_id: endpointId, secret, previous_secret: previous, ...row }) => ({
        ...row,
        endpointId,
        secrets: previous === null ? [secret] : [secret, previous],
      }));
    },

    record: async (delivery, { statusCode, error, dueInMs, restMs, disable }) => {
      const last = {
        attempts: sql<number>`attempts + 1`,
        last_attempt_at: sql`now()`,
        last_status_code: statusCode,
        last_error: error,
      };
      const recordOn = (trx: Kysely<Tables>) => {
        if (error === null) {
          const succeeded = {
            status: 'succeeded',
            due_at: null,
            delivered_at: sql`now()`,
          } as const;
          return updateClaimed(trx, delivery)
            .set({ ...last, ...succeeded })
            .execute();
        }
        const next =
          dueInMs === undefined
            ? ({ status: 'failed', due_at: null } as const)
            : { due_at: inMs(dueInMs) };
        return updateClaimed(trx, delivery)
          .set({ ...last, ...next })
          .execute();
      };
      const change = {
        ...(restMs !== undefined && {
          resting_until: sql`greatest(resting_until, ${inMs(restMs)})`,
        }),
        ...(disable !== undefined && { enabled: false, disabled_reason: disable }),
      };
      if (Object.keys(change).length === 0) {
        await recordOn(db);
        return;
      }
      await db.transaction().execute(async (trx) => {
        // Lock in this order everywhere, as deleting a receiver does.
        await updateEndpoint(trx, delivery.endpointId).set(change).execute();
        await recordOn(trx);
      });
    },

    release: async (delivery) => {
      await updateClaimed(db, delivery)
        .set({ due_at: sql`now()` })
        .execute();
    },

    list: async (endpointId, { before, limit }) => {
      let query = db
        .selectFrom('webhook_deliveries as d')
        .select(columns.map((column) => `d.${column}` as const))
        .where('d.endpoint_id', '=', endpointId);
      if (before !== undefined) {
        query = query.where(
          sql<boolean>`d.seq < (select seq from webhook_deliveries
            where endpoint_id = ${endpointId} and id = ${before})`,
        );
      }
      const rows = await query.orderBy('d.seq', 'desc').limit(limit).execute();
      return rows.map(toDelivery);
    },

    replay: (endpointId, id) =>
      db.transaction().execute(async (trx) => {
        await updateEndpoint(trx, endpointId).set({ resting_until: null }).execute();
        const row = await updateOne(trx, endpointId, id)
          .set({ status: 'pending', attempts: 0, due_at: sql`now()`, delivered_at: null })
          .returning(columns)
          .executeTakeFirst();
        return row && toDelivery(row);
      }),

    insertTest: async (endpointId) => {
      const row = await db
        .insertInto('webhook_deliveries')
        .values({
          endpoint_id: endpointId,
          id: sql<string>`'msg_' || replace(gen_random_uuid()::text, '-', '')`,
          type: TEST_TYPE,
          time: sql`now()`,
          data: JSON.stringify({ endpoint_id: endpointId }),
        })
        .returning(columns)
        .executeTakeFirstOrThrow();
      return toDelivery(row);
    },

    forgetEnded: (agoMs, signal) => {
      const where = sql<boolean>`status <> 'pending' and last_attempt_at <= ${inMs(-agoMs)}`;
      return deleteInBatches(db, 'webhook_deliveries', {
        where,
        orderBy: 'last_attempt_at',
        signal,
      });
    },
  };
}

type Row = Pick<Selectable<WebhookDeliveriesTable>, (typeof columns)[number]>;

type ClaimedRow = Pick<Row, 'endpoint_id' | 'id' | 'type' | 'time' | 'data' | 'attempts'> & {
  url: string;
  secret: string;
  previous_secret: string | null;
};

function toDelivery(row: Row): WebhookDelivery {
  return {
    endpointId: row.endpoint_id,
    id: row.id,
    type: row.type,
    time: row.time,
    data: row.data,
    status: row.status,
    attempts: row.attempts,
    dueAt: row.due_at,
    lastAttemptAt: row.last_attempt_at,
    lastStatusCode: row.last_status_code,
    lastError: row.last_error,
    createdAt: row.created_at,
    deliveredAt: row.delivered_at,
  };
}
