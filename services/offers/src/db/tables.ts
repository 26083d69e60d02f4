import type { ColumnType, Generated } from 'kysely';
import type { OrderEventData } from '../domain/order-event';
import type { DeliveryStatus } from '../domain/delivery-status';
import type { OrderStatus } from '../domain/order';

/** The tables after all {@link migrations}. */
export interface Tables {
  orders: OrdersTable;
  idempotency_keys: IdempotencyKeysTable;
  order_events: OrderEventsTable;
  webhook_endpoints: WebhookEndpointsTable;
  webhook_deliveries: WebhookDeliveriesTable;
  email_jobs: EmailJobsTable;
  rate_limit_usage: RateLimitUsageTable;
}

/** One row per order. A pending order is its own retry job: `due_at` is the time of the next attempt. */
export interface OrdersTable {
  id: string;
  user_id: string;
  status: OrderStatus;
  created_at: Date;
  offer_id: string;
  provider: string;
  /** Percent per year. */
  rate: number;
  /** In currency units. */
  amount: number;
  term_months: number | null;
  /** Number of failed attempts to get a decision. */
  attempts: Generated<number>;
  last_error: string | null;
  /** Set only while the order is pending. */
  due_at: ColumnType<Date | null, unknown, unknown>;
  decided_at: ColumnType<Date | null, never, unknown>;
  /** When a message last asked for the decision. */
  requested_at: ColumnType<Date | null, never, unknown>;
  /** Trace context of the checkout (W3C Trace Context). */
  traceparent: string | null;
  /** Where to e-mail the decision. */
  email: string | null;
}

/** One row for each creation or status change of an order, written by the database's triggers. */
export interface OrderEventsTable {
  /** Ascending; follows the order of an order's events. */
  seq: ColumnType<number, never, never>;
  id: ColumnType<string, never, never>;
  order_id: ColumnType<string, never, never>;
  type: ColumnType<string, never, never>;
  time: ColumnType<Date, never, never>;
  /** The order at that time: {@link OrderEventData}. */
  data: ColumnType<OrderEventData, never, never>;
  traceparent: ColumnType<string | null, never, never>;
  published_at: ColumnType<Date | null, never, unknown>;
  /** Until then, a publisher has claimed it. */
  claimed_until: ColumnType<Date | null, never, unknown>;
}

/** One row per receiver. */
export interface WebhookEndpointsTable {
  id: string;
  url: string;
  description: string | null;
  /** Subscribed event types; null for all final events. */
  event_types: string[] | null;
  /** `whsec_…` in plain text: it signs every message. */
  secret: string;
  previous_secret: string | null;
  /** Until then, the previous secret also signs. */
  previous_secret_until: ColumnType<Date | null, never, unknown>;
  enabled: Generated<boolean>;
  /** Why it was disabled, if no operator did so. */
  disabled_reason: string | null;
  /** Until then, deliveries are paused: the receiver asked for it or was overloaded. */
  resting_until: ColumnType<Date | null, never, unknown>;
  created_at: ColumnType<Date, never, never>;
}

/** One row per delivery, written by the database's trigger with the event. It is its own retry job, like an order. */
export interface WebhookDeliveriesTable {
  /** Ascending by creation. */
  seq: ColumnType<number, never, never>;
  endpoint_id: string;
  /** `msg_…`; equal for all receivers of one event. */
  id: string;
  type: string;
  time: ColumnType<Date, unknown, never>;
  data: ColumnType<object, string, never>;
  status: Generated<DeliveryStatus>;
  /** Attempts since it was created or replayed. */
  attempts: Generated<number>;
  /** Set only while it is pending. */
  due_at: ColumnType<Date | null, never, unknown>;
  last_attempt_at: ColumnType<Date | null, never, unknown>;
  last_status_code: number | null;
  last_error: string | null;
  created_at: ColumnType<Date, never, never>;
  delivered_at: ColumnType<Date | null, never, unknown>;
}

/** One row per final event of an order with an e-mail address, written by that trigger. */
export interface EmailJobsTable {
  seq: ColumnType<number, never, never>;
  event_id: ColumnType<string, never, never>;
  order_id: ColumnType<string, never, never>;
  type: ColumnType<string, never, never>;
  data: ColumnType<OrderEventData, never, never>;
  status: Generated<'pending' | 'sent' | 'failed' | 'skipped'>;
  attempts: Generated<number>;
  /** Set only while it is pending. */
  due_at: ColumnType<Date | null, never, unknown>;
  last_error: string | null;
  created_at: ColumnType<Date, never, never>;
  finished_at: ColumnType<Date | null, never, unknown>;
}

/** One row per request with an `Idempotency-Key`, with its response once sent. */
export interface IdempotencyKeysTable {
  /** The client; without tokens, the user named in the request. */
  user_id: string;
  key: string;
  /** Detects a different request with the same key. */
  fingerprint: string;
  order_id: string;
  /** Until then, the first request may still be in progress. */
  in_flight_until: ColumnType<Date, unknown, unknown>;
  expires_at: ColumnType<Date, unknown, unknown>;
  response_status: number | null;
  response_body: string | null;
}

/** One row per client, quota and window, summed over all replicas. */
export interface RateLimitUsageTable {
  key: string;
  /** Seconds since the epoch. */
  window_start: number;
  count: number;
  expires_at: ColumnType<Date, unknown, unknown>;
}
