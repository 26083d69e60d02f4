import { z } from 'zod';
import { orderStatuses, type OrderStatus } from './order';

/** Each type of event: the name of its schema, and the order's status after it. */
export const eventTypes = {
  'com.loanbuddy.order.checkout_submitted': {
    id: 'OrderCheckoutSubmittedEvent',
    status: 'PENDING',
    description: 'An order was created.',
  },
  'com.loanbuddy.order.resubmitted': {
    id: 'OrderResubmittedEvent',
    status: 'PENDING',
    description: 'An operator retried a failed order.',
  },
  'com.loanbuddy.order.approved': {
    id: 'OrderApprovedEvent',
    status: 'APPROVED',
    description: 'An order was approved.',
  },
  'com.loanbuddy.order.rejected': {
    id: 'OrderRejectedEvent',
    status: 'REJECTED',
    description: 'An order was rejected.',
  },
  'com.loanbuddy.order.failed': {
    id: 'OrderFailedEvent',
    status: 'FAILED',
    description: 'An order got no decision in all attempts.',
  },
} as const satisfies Record<string, { id: string; status: OrderStatus; description: string }>;

export type OrderEventType = keyof typeof eventTypes;

export const orderEventTypes = Object.keys(eventTypes) as OrderEventType[];

/** Whether the order needs no decision after the event. Only an operator's retry of a failed order can follow. */
export function isFinalEvent(type: OrderEventType): boolean {
  return eventTypes[type].status !== 'PENDING';
}

/** The order after the event. It contains no user data except the id. */
const orderEventDataSchema = z.object({
  order_id: z.string(),
  user_id: z.string(),
  loan_id: z.string(),
  provider: z.string(),
  rate: z.number().meta({ description: 'Percent a year.' }),
  amount: z.number().meta({ description: 'In units of the currency.' }),
  term_months: z.int().optional(),
  status: z.enum(orderStatuses),
  created_at: z.iso.datetime({ precision: 3 }),
  attempts: z.int().meta({ description: 'Number of failed attempts to get a decision.' }),
});

export type OrderEventData = z.output<typeof orderEventDataSchema>;

export const orderEventDataFields = orderEventDataSchema.keyof().options;

/** The data of one type of event, with the order's status after it. */
export function orderEventDataOf(type: OrderEventType) {
  return orderEventDataSchema.extend({ status: z.literal(eventTypes[type].status) });
}

/** The CloudEvents source; with `id`, it identifies an event. */
export const EVENT_SOURCE = '/loan-buddy/offers';

function schemaOf(type: OrderEventType) {
  const { id, description } = eventTypes[type];
  return z
    .object({
      specversion: z.literal('1.0'),
      id: z.uuid().meta({ description: 'Identifies the event, together with `source`.' }),
      source: z.literal(EVENT_SOURCE),
      type: z.literal(type),
      subject: z.string().meta({ description: 'The id of the order.' }),
      time: z.iso.datetime({ precision: 3 }),
      datacontenttype: z.literal('application/json'),
      traceparent: z
        .string()
        .optional()
        .meta({ description: 'W3C Trace Context of the checkout.' }),
      data: orderEventDataOf(type),
    })
    .meta({ id, description });
}

type AnySchema = ReturnType<typeof schemaOf>;

/** A published order event: CloudEvents 1.0, structured mode in JSON. */
export const orderEventSchema = z
  .discriminatedUnion('type', orderEventTypes.map(schemaOf) as [AnySchema, ...AnySchema[]])
  .meta({ id: 'OrderEvent', description: 'A status change of an order, as a CloudEvent.' });

export type OrderEvent = z.output<typeof orderEventSchema>;
