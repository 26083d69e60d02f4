import type { ColumnType, Generated } from 'kysely';
import type { OrderEventData } from '../events/order-event';
import type { DeliveryStatus } from '../notification/webhook-message';
import type { OrderStatus } from '../orders/order';

/** The tables as {@link migrations} leave them. */
export interface Tables {
  orders: OrdersTable;
  idempotency_keys: IdempotencyKeysTable;
  order_events: OrderEventsTable;
  webhook_endpoints: WebhookEndpointsTable;
  webhook_deliveries: WebhookDeliveriesTable;
  email_jobs: EmailJobsTable;
  rate_limit_usage: RateLimitUsageTable;
}

/** One row an order. A pending one is its own retry job: `due_at` says when somebody asks for its decision next. */
export interface OrdersTable {
  id: string;
  user_id: string;
  status: OrderStatus;
  created_at: Date;
  offer_id: string;
  provider: string;
  /** Percent a year. */
  rate: number;
  /** In units of the currency. */
  amount: number;
  term_months: number | null;
  /** Number of failed attempts to get a decision. */
  attempts: Generated<number>;
  last_error: string | null;
  /** Set while the order is pending, and only then. */
  due_at: ColumnType<Date | null, unknown, unknown>;
  decided_at: ColumnType<Date | null, never, unknown>;
  /** When the decision was last asked for by a message. */
  requested_at: ColumnType<Date | null, never, unknown>;
  /** Of the checkout (W3C Trace Context). */
  traceparent: string | null;
  /** Where the user wants to be told. */
  email: string | null;
}

/** One row for each change of an order's status, its creation included; the database's own triggers write it. */
export interface OrderEventsTable {
  /** Rising, for the events of one order in the order they happened. */
  seq: ColumnType<number, never, never>;
  id: ColumnType<string, never, never>;
  order_id: ColumnType<string, never, never>;
  type: ColumnType<string, never, never>;
  time: ColumnType<Date, never, never>;
  /** The order as it was then: {@link OrderEventData}. */
  data: ColumnType<OrderEventData, never, never>;
  traceparent: ColumnType<string | null, never, never>;
  published_at: ColumnType<Date | null, never, unknown>;
  /** Until then somebody is publishing it. */
  claimed_until: ColumnType<Date | null, never, unknown>;
}

/** One row for each receiver of webhooks. */
export interface WebhookEndpointsTable {
  id: string;
  url: string;
  description: string | null;
  /** The types of event it wants; null: every final event. */
  event_types: string[] | null;
  /** `whsec_…`, as it is: every message is signed with it. */
  secret: string;
  previous_secret: string | null;
  /** Until then the one before signs, too. */
  previous_secret_until: ColumnType<Date | null, never, unknown>;
  enabled: Generated<boolean>;
  /** Why it was disabled, where nobody asked for that. */
  disabled_reason: string | null;
  /** Until then it is left alone, as it asked or as it could not keep up. */
  resting_until: ColumnType<Date | null, never, unknown>;
  created_at: ColumnType<Date, never, never>;
}

/** One row for each message to an endpoint; the database's own trigger writes it with the event. It is its own retry job, as an order is. */
export interface WebhookDeliveriesTable {
  /** Rising as they were made. */
  seq: ColumnType<number, never, never>;
  endpoint_id: string;
  /** `msg_…`, the same for all endpoints that are told of one event. */
  id: string;
  type: string;
  time: ColumnType<Date, unknown, never>;
  data: ColumnType<object, string, never>;
  status: Generated<DeliveryStatus>;
  /** Since it was made or replayed. */
  attempts: Generated<number>;
  /** Set while it is pending, and only then. */
  due_at: ColumnType<Date | null, never, unknown>;
  last_attempt_at: ColumnType<Date | null, never, unknown>;
  last_status_code: number | null;
  last_error: string | null;
  created_at: ColumnType<Date, never, never>;
  delivered_at: ColumnType<Date | null, never, unknown>;
}

/** One row for each final event of an order that has an e-mail address; the same trigger writes it. */
export interface EmailJobsTable {
  seq: ColumnType<number, never, never>;
  event_id: ColumnType<string, never, never>;
  order_id: ColumnType<string, never, never>;
  type: ColumnType<string, never, never>;
  data: ColumnType<OrderEventData, never, never>;
  status: Generated<'pending' | 'sent' | 'failed' | 'skipped'>;
  attempts: Generated<number>;
  /** Set while it is pending, and only then. */
  due_at: ColumnType<Date | null, never, unknown>;
  last_error: string | null;
  created_at: ColumnType<Date, never, never>;
  finished_at: ColumnType<Date | null, never, unknown>;
}

/** One row for each request that came with an `Idempotency-Key`, with its answer once there was one. */
export interface IdempotencyKeysTable {
  /** The client; without tokens, the user they name. */
  user_id: string;
  key: string;
  /** What was asked for, so that another request under the same key is noticed. */
  fingerprint: string;
  order_id: string;
  /** Until then the first request may still be worked on. */
  in_flight_until: ColumnType<Date, unknown, unknown>;
  expires_at: ColumnType<Date, unknown, unknown>;
  response_status: number | null;
  response_body: string | null;
}

/** One row for each client's use of a quota in one window, by all replicas. */
export interface RateLimitUsageTable {
  key: string;
  /** Seconds since the epoch. */
  window_start: number;
  count: number;
  expires_at: ColumnType<Date, unknown, unknown>;
}
