import { readEvent, type Logger } from '@loan-buddy/kit';
import { z } from 'zod';
import { decisions, ORDER_ID_PATTERN } from '../orders/order';
import type { OrderStore } from '../orders/order-store';

/** What confirm-payment publishes: a CloudEvent of which only this is read. */
const decidedSchema = z.object({
  specversion: z.literal('1.0'),
  type: z.literal('com.loanbuddy.payment.decided'),
  data: z.object({ order_id: z.string().regex(ORDER_ID_PATTERN), status: z.enum(decisions) }),
});

/** A message that is no decision on any order: no delivery of it can ever be of use. */
export class UnusableDecisionError extends Error {
  readonly code = 'unusable-decision';
  override readonly name = 'UnusableDecisionError';
}

/**
 * Takes a decision that came as a message. One on an order that is no longer pending, decided or given up, changes nothing:
 * any number of deliveries, in whatever order, leave it with the first decision.
 *
 * @throws {UnusableDecisionError} where it is none, or of an order that nobody knows.
 * @throws {DatabaseUnavailableError} where it could not be recorded: it has to be delivered again.
 */
export function createApplyDecision(dependencies: {
  orders: Pick<OrderStore, 'find' | 'decide'>;
  logger: Logger;
}): (body: string) => Promise<void> {
  const { orders, logger } = dependencies;
  return async (body) => {
    const decided = readEvent(body, decidedSchema);
    // Without what it was instead: whoever sent it would write our log.
    if (!decided) throw new UnusableDecisionError('a message that is no decision');
    const { order_id: orderId, status } = decided.data;
    const order = await orders.find(orderId);
    if (!order) throw new UnusableDecisionError(`there is no order ${orderId}`);
    if (order.status === 'PENDING') await orders.decide(orderId, status);
    else if (order.status !== status) logger.info({ orderId, status }, 'decision came too late');
  };
}
