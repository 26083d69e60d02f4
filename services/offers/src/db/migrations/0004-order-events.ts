import { sql, type Migration } from 'kysely';

export const orderEvents: Migration = {
  up: async (db) => {
    await sql`alter table orders add column traceparent text, add column email text`.execute(db);
    await sql`
      create table order_events (
        seq bigint generated always as identity primary key,
        id uuid not null default gen_random_uuid(),
        order_id text not null,
        type text not null,
        time timestamptz not null default now(),
        data json not null,
        traceparent text,
        published_at timestamptz,
        claimed_until timestamptz
      )`.execute(db);
    await sql`create index order_events_by_order on order_events (order_id, seq)`.execute(db);
    await sql`
      create index order_events_unpublished on order_events (seq) where published_at is null`.execute(
      db,
    );
    // Written by the database, so that no code can change an order's status without an event.
    await sql`
      create function order_event_data(o orders) returns json language sql stable as $$
        select json_strip_nulls(json_build_object(
          'order_id', o.id,
          'user_id', o.user_id,
          'loan_id', o.offer_id,
          'provider', o.provider,
          'rate', o.rate,
          'amount', o.amount,
          'term_months', o.term_months,
          'status', o.status,
          'created_at', to_char(o.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
          'attempts', o.attempts))
      $$`.execute(db);
    await sql`
      create function append_order_event() returns trigger language plpgsql as $$
      begin
        insert into order_events (order_id, type, data, traceparent) values (
          new.id,
          'com.loanbuddy.order.' || case
            when tg_op = 'INSERT' then 'checkout_submitted'
            when new.status = 'PENDING' then 'resubmitted'
            else lower(new.status)
          end,
          order_event_data(new),
          new.traceparent);
        if tg_op = 'UPDATE' then
          perform pg_notify('order_changed', new.id);
        end if;
        return null;
      end $$`.execute(db);
    await sql`
      create trigger order_submitted after insert on orders for each row
      execute function append_order_event()`.execute(db);
    await sql`
      create trigger order_changed after update of status on orders for each row
      when (old.status is distinct from new.status)
      execute function append_order_event()`.execute(db);
    // Past events, as far as the orders' rows show them.
    await sql`
      insert into order_events (order_id, type, time, data)
      select o.id, 'com.loanbuddy.order.checkout_submitted', o.created_at,
        order_event_data(jsonb_populate_record(o, '{"status": "PENDING", "attempts": 0}'))
      from orders o order by o.id`.execute(db);
    await sql`
      insert into order_events (order_id, type, time, data)
      select o.id, 'com.loanbuddy.order.' || lower(o.status), coalesce(o.decided_at, now()),
        order_event_data(o)
      from orders o where o.status <> 'PENDING' order by o.id`.execute(db);
  },
};
