import { randomUUID } from 'node:crypto';
import { readEvent, type PublishEvent } from '@loan-buddy/kit/messaging';
import { currentTraceparent } from '@loan-buddy/kit/telemetry';
import { z } from 'zod';
import { decisions } from './decide';
import { makeDecision, type DecisionMaker } from './make-decision';

const EVENT_SOURCE = '/loan-buddy/confirm-payment';

/** The part of offers' CloudEvent that we read. */
const submittedSchema = z.object({
  specversion: z.literal('1.0'),
  type: z.enum(['com.loanbuddy.order.checkout_submitted', 'com.loanbuddy.order.resubmitted']),
  traceparent: z.string().optional(),
  data: z.object({
    order_id: z.string().min(1).max(128),
    amount: z.number().min(0),
    status: z.literal('PENDING'),
  }),
});

/** A published decision: CloudEvents 1.0, structured mode in JSON. */
export const decidedEventSchema = z
  .object({
    specversion: z.literal('1.0'),
    id: z.uuid().meta({ description: 'Unique together with `source`.' }),
    source: z.literal(EVENT_SOURCE),
    type: z.literal('com.loanbuddy.payment.decided'),
    subject: z.string().meta({ description: 'The id of the order.' }),
    time: z.iso.datetime({ precision: 3 }),
    datacontenttype: z.literal('application/json'),
    traceparent: z.string().optional().meta({ description: 'W3C Trace Context of the checkout.' }),
    data: z.object({ order_id: z.string(), status: z.enum(decisions) }),
  })
  .meta({
    id: 'PaymentDecidedEvent',
    description: 'The decision on an order that arrived as a message, as a CloudEvent.',
  });

export type DecidedEvent = z.output<typeof decidedEventSchema>;

/**
 * Decides on an order that arrives as a message, any number of times, and publishes the decision.
 *
 * @throws {UnusableMessageError} if it does not ask for a decision.
 * @throws whatever publishing throws: the message must then be redelivered.
 */
export function createDecideCheckout(
  dependencies: DecisionMaker & { publish: PublishEvent<DecidedEvent> },
): (body: string) => Promise<void> {
  const { publish } = dependencies;
  return async (body) => {
    const fault = 'the message does not ask for a decision';
    const { traceparent, data } = readEvent(body, submittedSchema, fault);
    const status = await makeDecision(dependencies, data);
    const trace = currentTraceparent(traceparent);
    await publish({
      specversion: '1.0',
      id: randomUUID(),
      source: EVENT_SOURCE,
      type: 'com.loanbuddy.payment.decided',
      subject: data.order_id,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      ...(trace !== undefined && { traceparent: trace }),
      data: { order_id: data.order_id, status },
    });
  };
}
