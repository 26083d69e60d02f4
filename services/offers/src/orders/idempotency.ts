import { sql, type Kysely } from 'kysely';
import { deleteInBatches, expired } from '../db/delete-in-batches';
import { inMs } from '../db/in-ms';
import type { Tables } from '../db/tables';

/** A request that a client may send again without meaning another order. */
export interface IdempotentRequest {
  /** Who sent it: the subject of their token, or without tokens the user they name. */
  client: string;
  /** The client's name for the request; of two clients, each has their own. */
  key: string;
  /** Equal for equal requests only. */
  fingerprint: string;
  /** How long the key is kept. */
  ttlMs: number;
}

/** A request that is being worked on. */
export interface RequestInFlight extends IdempotentRequest {
  /** How long that may take: after that, whoever did has died. */
  inFlightMs: number;
}

/** The answer a request got, as it went over the wire. */
export interface StoredResponse {
  status: number;
  body: string;
}

/** What is known of a key: the order it made, and the answer to it unless none was given yet. */
export interface KnownRequest {
  fingerprint: string;
  orderId: string;
  response: StoredResponse | undefined;
  /** Whether the first request may still be worked on. Without an answer after that, whoever did has died. */
  inFlight: boolean;
}

/** Remembers which requests were made under which keys. Written by {@link OrderStore.insert}, together with the order. */
export interface IdempotencyStore {
  find: (client: string, key: string) => Promise<KnownRequest | undefined>;
  /** Keeps the answer to a request unless it has one; returns the one it has. */
  complete: (client: string, key: string, response: StoredResponse) => Promise<StoredResponse>;
  /** Forgets the keys that have expired, until the signal aborts; returns how many there were. */
  sweep: (signal?: AbortSignal) => Promise<number>;
}

/** Keeps the keys in a database. Every method throws {@link DatabaseUnavailableError} while the database is away. */
export function createIdempotencyStore(db: Kysely<Tables>): IdempotencyStore {
  return {
    find: async (client, key) => {
      const row = await db
        .selectFrom('idempotency_keys')
        .select(['fingerprint', 'order_id', 'response_status', 'response_body'])
        .select(sql<boolean>`in_flight_until > now()`.as('lease_runs'))
        .where('user_id', '=', client)
        .where('key', '=', key)
        .where('expires_at', '>', sql<Date>`now()`)
        .executeTakeFirst();
      if (!row) return undefined;
      const { response_status: status, response_body: body } = row;
      const response = status === null || body === null ? undefined : { status, body };
      const inFlight = response === undefined && row.lease_runs;
      return { fingerprint: row.fingerprint, orderId: row.order_id, response, inFlight };
    },

    complete: async (client, key, { status, body }) => {
      const row = await db
        .updateTable('idempotency_keys')
        .set({
          response_status: sql<number>`coalesce(response_status, ${status})`,
          response_body: sql<string>`coalesce(response_body, ${body})`,
        })
        .where('user_id', '=', client)
        .where('key', '=', key)
        .returning(['response_status', 'response_body'])
        .executeTakeFirst();
      return { status: row?.response_status ?? status, body: row?.response_body ?? body };
    },

    sweep: (signal) =>
      deleteInBatches(db, 'idempotency_keys', { where: expired, orderBy: 'expires_at', signal }),
  };
}

/** Ties the request's key to an order, unless it is tied to another and has not expired; tells whether it did. */
export async function claimKey(
  db: Kysely<Tables>,
  orderId: string,
  { client, key, fingerprint, ttlMs, inFlightMs }: RequestInFlight,
): Promise<boolean> {
  const fresh = {
    fingerprint,
    order_id: orderId,
    in_flight_until: inMs(inFlightMs),
    expires_at: inMs(ttlMs),
    response_status: null,
    response_body: null,
  };
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('idempotency_keys')
    .values({ user_id: client, key, ...fresh })
    .onConflict((conflict) =>
      conflict
        .columns(['user_id', 'key'])
        .doUpdateSet(fresh)
        .where('idempotency_keys.expires_at', '<=', sql<Date>`now()`),
    )
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}
