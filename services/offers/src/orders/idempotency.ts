import { CompiledQuery, sql, type Kysely, type Selectable } from 'kysely';
import { createBatch } from '../db/batch';
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

type ClientKey = Pick<IdempotentRequest, 'client' | 'key'>;
type Completed = Pick<Selectable<Tables['idempotencyKeys']>, 'responseStatus' | 'responseBody'> & {
  position: number;
};

/** Keys of different clients have different names. */
export const nameOf = ({ client, key }: ClientKey) => JSON.stringify([client, key]);

export type IdempotencyStore = ReturnType<typeof createIdempotencyStore>;

/** Stores which requests used which keys. {@link OrderStore.insert} writes a key together with its order. */
export function createIdempotencyStore(db: Kysely<Tables>) {
  const complete = createBatch<StoredResponse & ClientKey, StoredResponse>({
    name: 'store response',
    keyOf: nameOf,
    write: async (items) => {
      const { rows } = await db.executeQuery<Completed>(
        CompiledQuery.raw(COMPLETE, [
          items.map(({ client }) => client),
          items.map(({ key }) => key),
          items.map(({ status }) => status),
          items.map(({ body }) => body),
        ]),
      );
      const stored = new Map(rows.map((row) => [row.position, row]));
      return items.map(({ status, body }, i) => {
        const row = stored.get(i + 1);
        return { status: row?.responseStatus ?? status, body: row?.responseBody ?? body };
      });
    },
  });

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
    complete: (client: string, key: string, response: StoredResponse) =>
      complete({ client, key, ...response }),

    sweep: (signal?: AbortSignal) =>
      deleteInBatches(db, 'idempotencyKeys', { where: expired, orderBy: 'expiresAt', signal }),
  };
}

/** The fields that {@link CLAIM_KEYS} reads, with their types; null for an order without a request. */
export const keyFields = {
  client: 'text',
  key: 'text',
  fingerprint: 'text',
  ttlMs: 'float8',
  inFlightMs: 'float8',
} as const satisfies Record<keyof RequestInFlight, string>;

/**
 * Ties the keys of `item` to its orders, unless an unexpired row ties a key to another order. Returns the ids of the
 * orders that got theirs. Sorted, so that replicas with the same keys do not deadlock.
 */
export const CLAIM_KEYS = `
  insert into idempotency_keys as used
    (user_id, key, fingerprint, order_id, in_flight_until, expires_at)
  select client, key, fingerprint, id,
    now() + "inFlightMs" * interval '1 ms', now() + "ttlMs" * interval '1 ms'
  from item where key is not null order by client, key
  on conflict (user_id, key) do update set
    fingerprint = excluded.fingerprint, order_id = excluded.order_id,
    in_flight_until = excluded.in_flight_until, expires_at = excluded.expires_at,
    response_status = null, response_body = null
  where used.expires_at <= now()
  returning order_id`;

// Sorted, like the claims.
const COMPLETE = `
  with item as materialized (
    select used.user_id, used.key, status, body, position
    from unnest($1::text[], $2::text[], $3::smallint[], $4::text[])
      with ordinality as sent (client, key, status, body, position)
    join idempotency_keys used on used.user_id = client and used.key = sent.key
    order by used.user_id, used.key for no key update of used)
  update idempotency_keys as used set
    response_status = coalesce(response_status, status),
    response_body = coalesce(response_body, body)
  from item where used.user_id = item.user_id and used.key = item.key
  returning position, response_status, response_body`;
