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

const orderEvents: Migration = {
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

const notification: Migration = {
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

const rateLimitUsage: Migration = {
  up: async (db) => {
    // Unlogged: counts lost in a crash start again in the next window.
    await sql`
      create unlogged table rate_limit_usage (
        key text not null,
        window_start integer not null,
        count integer not null,
        expires_at timestamptz not null,
        primary key (key, window_start)
      )`.execute(db);
  },
};

const decisionRequests: Migration = {
  up: async (db) => {
    await sql`alter table orders add column requested_at timestamptz`.execute(db);
  },
};

const notificationRetention: Migration = {
  up: async (db) => {
    // Indexed by end time, so that sweeps read only ended rows.
    await sql`
      create index webhook_deliveries_ended on webhook_deliveries (last_attempt_at)
      where status <> 'pending'`.execute(db);
    await sql`
      create index email_jobs_ended on email_jobs (finished_at) where status <> 'pending'`.execute(
      db,
    );
  },
};

/** All schema changes, in the order of their names. Never edit a released one; add another. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-orders': orders,
  '0002-idempotency-keys': idempotencyKeys,
  '0003-order-terms': orderTerms,
  '0004-order-events': orderEvents,
  '0005-notification': notification,
  '0006-rate-limit-usage': rateLimitUsage,
  '0007-decision-requests': decisionRequests,
  '0008-notification-retention': notificationRetention,
};
