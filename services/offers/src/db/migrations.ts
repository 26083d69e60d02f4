import { sql, type Migration } from 'kysely';

const orders: Migration = {
  up: async (db) => {
    await sql`
      create table orders (
        id text primary key,
        user_id text not null,
        status text not null check (status in ('PENDING', 'APPROVED', 'REJECTED', 'FAILED')),
        created_at timestamptz not null,
        offer_id text not null,
        provider text not null,
        rate double precision not null,
        amount double precision not null,
        attempts integer not null default 0,
        last_error text,
        due_at timestamptz,
        decided_at timestamptz,
        constraint only_pending_orders_are_due check ((status = 'PENDING') = (due_at is not null))
      )`.execute(db);
    await sql`create index orders_by_user on orders (user_id, id desc)`.execute(db);
    await sql`create index orders_due on orders (due_at) where status = 'PENDING'`.execute(db);
    await sql`create index orders_failed on orders (id) where status = 'FAILED'`.execute(db);
    // The last word on what may follow what: whoever writes, and with whichever version of this code.
    await sql`
      create function refuse_order_transition() returns trigger language plpgsql as $$
      begin
        raise exception 'order % is %, and cannot become %', old.id, old.status, new.status
          using errcode = 'check_violation';
      end $$`.execute(db);
    await sql`
      create trigger order_transitions before update of status on orders for each row
      when (
        old.status in ('APPROVED', 'REJECTED') and new.status <> old.status
        or old.status = 'FAILED' and new.status in ('APPROVED', 'REJECTED')
      )
      execute function refuse_order_transition()`.execute(db);
  },
};

const idempotencyKeys: Migration = {
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

const orderTerms: Migration = {
  up: async (db) => {
    await sql`alter table orders add column term_months integer`.execute(db);
  },
};

/** Every change of the schema, in the order of the names. What is released is never edited, only followed. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-orders': orders,
  '0002-idempotency-keys': idempotencyKeys,
  '0003-order-terms': orderTerms,
};
