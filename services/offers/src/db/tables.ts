import type { ColumnType, Generated } from 'kysely';
import type { OrderEventData } from '../events/order-event';
import type { OrderStatus } from '../orders/order';

/** The tables as {@link migrations} leave them. */
export interface Tables {
  orders: OrdersTable;
  idempotency_keys: IdempotencyKeysTable;
  order_events: OrderEventsTable;
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
  /** How often a decision was asked for in vain. */
  attempts: Generated<number>;
  last_error: string | null;
  /** Set while the order is pending, and only then. */
  due_at: ColumnType<Date | null, unknown, unknown>;
  decided_at: ColumnType<Date | null, never, unknown>;
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

/** One row for each request that came with an `Idempotency-Key`, with its answer once there was one. */
export interface IdempotencyKeysTable {
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
