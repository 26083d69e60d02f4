import { sql, type Migration } from 'kysely';

export const batchedEvents: Migration = {
  up: async (db) => {
    // Once for each statement instead of each row: orders are written in batches. Saves a quarter of the server's time.
    await sql`drop trigger order_submitted on orders`.execute(db);
    await sql`drop trigger order_changed on orders`.execute(db);
    await sql`drop trigger order_event_notification on order_events`.execute(db);
    await sql`drop function append_order_event, notify_of_order_event`.execute(db);
    await sql`
      create function append_submitted_events() returns trigger language plpgsql as $$
      begin
        insert into order_events (order_id, type, data, traceparent)
        select o.id, 'com.loanbuddy.order.checkout_submitted',
          order_event_data(row(o.*)::orders), o.traceparent
        from changed o;
        return null;
      end $$`.execute(db);
    // Same transaction as the event: no decision commits without its notifications.
    // A sort finds the changed statuses: the plan is cached, and a join planned for one row takes hours for 100,000.
    // The lock: waits for a receiver that is being deleted, and then adds no delivery to it.
    await sql`
      create function append_changed_events() returns trigger language plpgsql as $$
      declare
        ids text[];
      begin
        with version as (
          select id, status, 1 as number, row(o.*)::orders as o from changed o
          union all
          select id, status, 0, null from before
        ),
        compared as (
          select *, lag(status) over (partition by id order by number) as earlier from version
        ),
        event as materialized (
          select gen_random_uuid() as event_id, id as order_id,
            'com.loanbuddy.order.' || case
              when status = 'PENDING' then 'resubmitted'
              else lower(status)
            end as type,
            order_event_data(o) as data, (o).traceparent, (o).email, status <> 'PENDING' as is_final
          from compared where number = 1 and status <> earlier
        ),
        appended as (
          insert into order_events (id, order_id, type, data, traceparent)
          select event_id, order_id, type, data, traceparent from event
        ),
        deliveries as (
          insert into webhook_deliveries (endpoint_id, id, type, time, data)
          select e.id, 'msg_' || replace(event_id::text, '-', ''), type, now(), data
          from event, webhook_endpoints e
          where is_final and e.enabled and (e.event_types is null or type = any (e.event_types))
          for key share of e
        ),
        emails as (
          insert into email_jobs (event_id, order_id, type, data)
          select event_id, order_id, type, data from event where is_final and email is not null
        )
        select array_agg(order_id) into ids from event;
        perform pg_notify('order_changed', id) from unnest(ids) as id;
        return null;
      end $$`.execute(db);
    await sql`
      create trigger order_submitted after insert on orders referencing new table as changed
      for each statement execute function append_submitted_events()`.execute(db);
    await sql`
      create trigger order_changed after update on orders
      referencing old table as before new table as changed
      for each statement execute function append_changed_events()`.execute(db);
  },
};
