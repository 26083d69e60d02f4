import { sql, type Kysely, type Selectable } from 'kysely';
import { deleteInBatches } from '../db/delete-in-batches';
import { inMs } from '../db/in-ms';
import type { Tables, WebhookDeliveriesTable } from '../db/tables';
import { TEST_TYPE, type DeliveryStatus, type WebhookMessage } from './webhook-message';

/** A message to one endpoint, and what became of it. */
export interface WebhookDelivery extends WebhookMessage {
  endpointId: string;
  status: DeliveryStatus;
  /** Since it was made or replayed. */
  attempts: number;
  /** When it is sent next, or again should whoever is sending it have died; null unless it is pending. */
  dueAt: Date | null;
  lastAttemptAt: Date | null;
  /** What the endpoint answered last; null where it gave no answer. */
  lastStatusCode: number | null;
  lastError: string | null;
  createdAt: Date;
  deliveredAt: Date | null;
}

/** A message that somebody is about to send. */
export interface ClaimedDelivery extends WebhookMessage {
  endpointId: string;
  url: string;
  /** What to sign with: the secret, and the one before while that is still good. */
  secrets: string[];
  /** Those before this one. */
  attempts: number;
}

/** What came of one attempt. */
export interface Attempt {
  statusCode: number | null;
  /** Null: it was delivered. */
  error: string | null;
  /** When to try again; undefined: never. */
  dueInMs?: number | undefined;
  /** For how long to leave the endpoint alone altogether. */
  restMs?: number | undefined;
  /** Why the endpoint is to be disabled. */
  disable?: string | undefined;
}

/** Keeps what is to be sent and what was. */
export interface WebhookDeliveryStore {
  /**
   * Takes up to `limit` messages that are due, to no endpoint more than `perEndpoint` together with those `inHand`. Nobody
   * else gets them until `leaseMs` have passed.
   */
  claimDue: (options: {
    limit: number;
    perEndpoint: number;
    inHand: ReadonlyMap<string, number>;
    leaseMs: number;
  }) => Promise<ClaimedDelivery[]>;
  /** Writes down what came of an attempt, unless somebody else has made that attempt, too, and was faster. */
  record: (delivery: ClaimedDelivery, attempt: Attempt) => Promise<void>;
  /** Gives back a message of which nobody knows whether it arrived: it is due at once. */
  release: (delivery: ClaimedDelivery) => Promise<void>;
  /** The endpoint's messages, newest first; those made before the one named. */
  list: (
    endpointId: string,
    page: { before?: string | undefined; limit: number },
  ) => Promise<WebhookDelivery[]>;
  /** Makes a message due at once, its attempts forgotten, and ends the endpoint's rest; undefined if there is none. */
  replay: (endpointId: string, id: string) => Promise<WebhookDelivery | undefined>;
  /** Makes a message that tells of nothing. */
  insertTest: (endpointId: string) => Promise<WebhookDelivery>;
  /** Forgets those that succeeded or failed so long ago, until the signal aborts; returns how many there were. */
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

/** Keeps the deliveries in a database. Every method throws {@link DatabaseUnavailableError} while the database is away. */
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
      // Endpoint by endpoint, so that one with a long queue hides nobody behind it.
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
        // In this order everywhere, as it is when an endpoint is deleted.
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
