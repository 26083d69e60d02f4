import { readEvent, UnusableMessageError } from '@loan-buddy/kit/messaging';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { z } from 'zod';
import { decisions, ORDER_ID_PATTERN } from '../domain/order';
import { UnknownOrderError, type OrderStore } from '../orders/order-store';

/** The fields we read of the CloudEvent that confirm-payment publishes. */
const decidedSchema = z.object({
  specversion: z.literal('1.0'),
  type: z.literal('com.loanbuddy.payment.decided'),
  data: z.object({ order_id: z.string().regex(ORDER_ID_PATTERN), status: z.enum(decisions) }),
});

/**
 * Records a decision from a message. Does nothing if the order is decided or failed: the first decision stays.
 *
 * @throws {UnusableMessageError} if it is not a decision, or its order is unknown.
 * @throws {DatabaseUnavailableError} if it could not be recorded: the message must be redelivered.
 */
export function createApplyDecision(orders: Pick<OrderStore, 'decide'>, logger: Logger) {
  return async (body: string): Promise<void> => {
    const { data } = readEvent(body, decidedSchema, 'not a decision message');
    const { order_id: orderId, status } = data;
    const order = await orders.decide(orderId, status).catch((error: unknown) => {
      throw error instanceof UnknownOrderError ? new UnusableMessageError(error.message) : error;
    });
    if (order.status !== status) logger.info({ orderId, status }, 'decision came too late');
  };
}
