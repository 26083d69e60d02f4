import { sql, type Migration } from 'kysely';

export const idempotencyKeys: Migration = {
  up: async (db) => {
    await sql`
      create table idempotency_keys (
        user_id text not null,
        key text not null,
        fingerprint text not null,
        order_id text not null,
        in_flight_until timestamptz not null,
        expires_at timestamptz not null,
        response_status smallint,
        response_body text,
        primary key (user_id, key)
      )`.execute(db);
    await sql`create index idempotency_keys_expiry on idempotency_keys (expires_at)`.execute(db);
  },
};
