import { sql, type Kysely } from 'kysely';
import { msFromNow } from '../db/queue';
import { deleteInBatches, expired } from '../db/sweep';
import type { Tables } from '../db/tables';

/** A request that a client may repeat without creating a second order. */
export interface IdempotentRequest {
  /** Who sent it: the token's subject, or without tokens the user named in the request. */
  client: string;
  /** The idempotency key. Keys of different clients are independent. */
  key: string;
  /** Equal only for equal requests. */
  fingerprint: string;
  ttlMs: number;
}

export interface RequestInFlight extends IdempotentRequest {
  /** Maximum duration of the request; after that, its process has died. */
  inFlightMs: number;
}

/** The stored response to a request, exactly as sent. */
export interface StoredResponse {
  status: number;
  body: string;
}

export type IdempotencyStore = ReturnType<typeof createIdempotencyStore>;

/** Stores which requests used which keys. {@link OrderStore.insert} writes a key together with its order. */
export function createIdempotencyStore(db: Kysely<Tables>) {
  return {
    /**
     * Returns the order made under a key, and its response, if one was sent. Without one, and no longer in flight, the
     * first request's process has died.
     */
    find: async (client: string, key: string) => {
      const row = await db
        .selectFrom('idempotencyKeys')
        .select(['fingerprint', 'orderId', 'responseStatus', 'responseBody'])
        .select(sql<boolean>`in_flight_until > now()`.as('inFlight'))
        .where('userId', '=', client)
        .where('key', '=', key)
        .where('expiresAt', '>', sql<Date>`now()`)
        .executeTakeFirst();
      if (!row) return undefined;
      const { fingerprint, orderId, responseStatus: status, responseBody: body } = row;
      const response = status === null || body === null ? undefined : { status, body };
      return { fingerprint, orderId, response, inFlight: !response && row.inFlight };
    },

    /** Stores the response to a request unless it has one; returns the stored response. */
    complete: async (client: string, key: string, { status, body }: StoredResponse) => {
      const row = await db
        .updateTable('idempotencyKeys')
        .set({
          responseStatus: sql<number>`coalesce(response_status, ${status})`,
          responseBody: sql<string>`coalesce(response_body, ${body})`,
        })
        .where('userId', '=', client)
        .where('key', '=', key)
        .returning(['responseStatus', 'responseBody'])
        .executeTakeFirst();
      return { status: row?.responseStatus ?? status, body: row?.responseBody ?? body };
    },

    sweep: (signal?: AbortSignal) =>
      deleteInBatches(db, 'idempotencyKeys', { where: expired, orderBy: 'expiresAt', signal }),
  };
}

/** Ties the key to an order, unless an unexpired key is tied to another. Returns whether it succeeded. */
export async function claimKey(
  db: Kysely<Tables>,
  orderId: string,
  { client, key, fingerprint, ttlMs, inFlightMs }: RequestInFlight,
): Promise<boolean> {
  const fresh = {
    fingerprint,
    orderId,
    inFlightUntil: msFromNow(inFlightMs),
    expiresAt: msFromNow(ttlMs),
    responseStatus: null,
    responseBody: null,
  };
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('idempotencyKeys')
    .values({ userId: client, key, ...fresh })
    .onConflict((conflict) =>
      conflict
        .columns(['userId', 'key'])
        .doUpdateSet(fresh)
        .where('idempotencyKeys.expiresAt', '<=', sql<Date>`now()`),
    )
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}
