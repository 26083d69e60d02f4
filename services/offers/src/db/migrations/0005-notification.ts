import { sql, type Migration } from 'kysely';

export const notification: Migration = {
  up: async (db) => {
    await sql`
      create table webhook_endpoints (
        id text primary key,
        url text not null,
        description text,
        event_types text[],
        secret text not null,
        previous_secret text,
        previous_secret_until timestamptz,
        enabled boolean not null default true,
        disabled_reason text,
        resting_until timestamptz,
        created_at timestamptz not null default now()
      )`.execute(db);
    await sql`
      create table webhook_deliveries (
        seq bigint generated always as identity,
        endpoint_id text not null references webhook_endpoints on delete cascade,
        id text not null,
        type text not null,
        time timestamptz not null,
        data json not null,
        status text not null default 'pending' check (status in ('pending', 'succeeded', 'failed')),
        attempts integer not null default 0,
        due_at timestamptz default now(),
        last_attempt_at timestamptz,
        last_status_code integer,
        last_error text,
        created_at timestamptz not null default now(),
        delivered_at timestamptz,
        primary key (endpoint_id, id),
        constraint only_pending_deliveries_are_due check ((status = 'pending') = (due_at is not null))
      )`.execute(db);
    await sql`
      create index webhook_deliveries_due on webhook_deliveries (endpoint_id, due_at)
      where status = 'pending'`.execute(db);
    await sql`
      create index webhook_deliveries_log on webhook_deliveries (endpoint_id, seq desc)`.execute(
      db,
    );
    await sql`
      create table email_jobs (
        seq bigint generated always as identity primary key,
        event_id uuid not null,
        order_id text not null,
        type text not null,
        data json not null,
        status text not null default 'pending'
          check (status in ('pending', 'sent', 'failed', 'skipped')),
        attempts integer not null default 0,
        due_at timestamptz default now(),
        last_error text,
        created_at timestamptz not null default now(),
        finished_at timestamptz,
        constraint only_pending_emails_are_due check ((status = 'pending') = (due_at is not null))
      )`.execute(db);
    await sql`
      create index email_jobs_due on email_jobs (due_at) where status = 'pending'`.execute(db);
    // Same transaction as the event: no decision commits without its notifications.
    // The lock: waits for a receiver that is being deleted, and then adds no delivery to it.
    await sql`
      create function notify_of_order_event() returns trigger language plpgsql as $$
      begin
        insert into webhook_deliveries (endpoint_id, id, type, time, data)
        select e.id, 'msg_' || replace(new.id::text, '-', ''), new.type, new.time, new.data
        from webhook_endpoints e
        where e.enabled and (e.event_types is null or new.type = any (e.event_types))
        for key share of e;
        insert into email_jobs (event_id, order_id, type, data)
        select new.id, o.id, new.type, new.data
        from orders o where o.id = new.order_id and o.email is not null;
        return null;
      end $$`.execute(db);
    await sql`
      create trigger order_event_notification after insert on order_events for each row
      when (
        new.type in (
          'com.loanbuddy.order.approved', 'com.loanbuddy.order.rejected',
          'com.loanbuddy.order.failed'
        )
      )
      execute function notify_of_order_event()`.execute(db);
  },
};
