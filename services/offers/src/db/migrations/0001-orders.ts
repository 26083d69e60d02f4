import { sql, type Migration } from 'kysely';

export const orders: Migration = {
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
    // Enforces the legal transitions for every writer and every version of this code.
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
