import type { ColumnType, Generated } from 'kysely';
import type { OrderEventData, OrderEventType } from '../domain/order-event';
import type { DeliveryStatus } from '../domain/delivery-status';
import type { NewOrder, OrderedOffer } from '../domain/order';

/** The tables after all {@link migrations}. In the database, the names of tables and columns are in snake case. */
export interface Tables {
  orders: OrdersTable;
  orderEvents: OrderEventsTable;
  webhookEndpoints: WebhookEndpointsTable;
  webhookDeliveries: WebhookDeliveriesTable;
  emailJobs: EmailJobsTable;
  /** One row per request with an `Idempotency-Key`, with its response once sent. */
  idempotencyKeys: {
    /** The client; without tokens, the user named in the request. */
    userId: string;
    key: string;
    /** Detects a different request with the same key. */
    fingerprint: string;
    orderId: string;
    /** Until then, the first request may still be in progress. */
    inFlightUntil: ColumnType<Date, unknown, unknown>;
    expiresAt: ColumnType<Date, unknown, unknown>;
    responseStatus: number | null;
    responseBody: string | null;
  };
  /** One row per client, quota and window, summed over all replicas. */
  rateLimitUsage: {
    key: string;
    /** Seconds since the epoch. */
    windowStart: number;
    count: number;
    expiresAt: ColumnType<Date, unknown, unknown>;
  };
}

/** A column for each field; nullable for an optional one. */
type Columns<Fields> = {
  [Name in keyof Fields]-?: undefined extends Fields[Name]
    ? NonNullable<Fields[Name]> | null
    : Fields[Name];
};

/** One row per order. A pending order is its own retry job: `dueAt` is the time of the next attempt. */
export interface OrdersTable
  extends Columns<Omit<NewOrder, 'offer' | 'attempts'>>, Columns<Omit<OrderedOffer, 'id'>> {
  offerId: string;
  /** Number of failed attempts to get a decision. */
  attempts: Generated<number>;
  lastError: string | null;
  /** Set only while the order is pending. */
  dueAt: ColumnType<Date | null, unknown, unknown>;
  decidedAt: ColumnType<Date | null, never, unknown>;
  /** When a message last asked for the decision. */
  requestedAt: ColumnType<Date | null, never, unknown>;
}

/** One row for each creation or status change of an order, written by the database's triggers. */
export interface OrderEventsTable {
  /** Ascending; follows the order of an order's events. */
  seq: ColumnType<number, never, never>;
  id: ColumnType<string, never, never>;
  orderId: ColumnType<string, never, never>;
  type: ColumnType<OrderEventType, never, never>;
  time: ColumnType<Date, never, never>;
  /** The order at that time: {@link OrderEventData}. */
  data: ColumnType<OrderEventData, never, never>;
  traceparent: ColumnType<string | null, never, never>;
  publishedAt: ColumnType<Date | null, never, unknown>;
  /** Until then, a publisher has claimed it. */
  claimedUntil: ColumnType<Date | null, never, unknown>;
}

/** One row per receiver. */
export interface WebhookEndpointsTable {
  id: string;
  url: string;
  description: string | null;
  /** Subscribed event types; null for all final events. */
  eventTypes: string[] | null;
  /** `whsec_…` in plain text: it signs every message. */
  secret: string;
  previousSecret: string | null;
  /** Until then, the previous secret also signs. */
  previousSecretUntil: ColumnType<Date | null, never, unknown>;
  enabled: Generated<boolean>;
  /** Why it was disabled, if no operator did so. */
  disabledReason: string | null;
  /** Until then, deliveries are paused: the receiver asked for it or was overloaded. */
  restingUntil: ColumnType<Date | null, never, unknown>;
  createdAt: ColumnType<Date, never, never>;
}

/** One row per delivery, written by the database's trigger with the event. It is its own retry job, like an order. */
export interface WebhookDeliveriesTable {
  /** Ascending by creation. */
  seq: ColumnType<number, never, never>;
  endpointId: string;
  /** `msg_…`; equal for all receivers of one event. */
  id: string;
  type: string;
  time: ColumnType<Date, unknown, never>;
  data: ColumnType<object, string, never>;
  status: Generated<DeliveryStatus>;
  /** Attempts since it was created or replayed. */
  attempts: Generated<number>;
  /** Set only while it is pending. */
  dueAt: ColumnType<Date | null, never, unknown>;
  lastAttemptAt: ColumnType<Date | null, never, unknown>;
  /** Null if the last attempt got no response. */
  lastStatusCode: number | null;
  lastError: string | null;
  createdAt: ColumnType<Date, never, never>;
  deliveredAt: ColumnType<Date | null, never, unknown>;
}

/** One row per final event of an order with an e-mail address, written by that trigger. */
export interface EmailJobsTable {
  seq: ColumnType<number, never, never>;
  eventId: ColumnType<string, never, never>;
  orderId: ColumnType<string, never, never>;
  type: ColumnType<string, never, never>;
  data: ColumnType<OrderEventData, never, never>;
  status: Generated<'pending' | 'sent' | 'failed' | 'skipped'>;
  attempts: Generated<number>;
  /** Set only while it is pending. */
  dueAt: ColumnType<Date | null, never, unknown>;
  lastError: string | null;
  createdAt: ColumnType<Date, never, never>;
  finishedAt: ColumnType<Date | null, never, unknown>;
}
