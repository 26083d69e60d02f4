import type { Logger } from '@loan-buddy/kit';
import type { EventLog } from '../events/event-log';
import { asksForDecision } from '../events/order-event';
import type { PublishEvent } from '../events/publish-to-bus';
import type { Order } from './order';
import type { DueOrder, OrderStore } from './order-store';
import { pauseMs, type RetryPolicy } from './settle-order';

/** How long to leave an order alone whose request could not be published. */
const PAUSE_MS = 1000;

/**
 * Asks for the decision on a due order by a message, its own last event, and records when it is due again. One on which no
 * decision has come since the last message has been asked for in vain; after the last attempt it has failed. A message that
 * could not be published is no attempt.
 *
 * @throws {DatabaseUnavailableError} where it could not be recorded: the order is still due when it was before.
 */
export function createRequestDecision(dependencies: {
  orders: Pick<OrderStore, 'find' | 'postpone' | 'markRequested' | 'recordFailure'>;
  log: Pick<EventLog, 'of'>;
  publish: PublishEvent;
  /** `baseMs` is how long a decision may take. */
  policy: RetryPolicy;
  logger: Logger;
}): (order: DueOrder) => Promise<Order> {
  const { orders, log, publish, policy, logger } = dependencies;
  let failing = false;

  const recordFailure = (order: Order) =>
    orders.recordFailure(order.id, {
      reason: 'no decision came',
      dueInMs: pauseMs(order.attempts + 1, policy),
      maxAttempts: policy.attempts,
    });

  return async (order) => {
    const { id: orderId, isRequested } = order;
    if (isRequested && order.attempts + 1 >= policy.attempts) {
      const settled = await recordFailure(order);
      const { status, attempts } = settled;
      if (status === 'FAILED')
        logger.error({ orderId, attempts }, 'order failed: nobody decided it');
      return settled;
    }
    const last = (await log.of(orderId)).at(-1)?.event;
    // Decided since it was taken.
    if (!last || !asksForDecision(last.type)) return (await orders.find(orderId)) ?? order;
    try {
      await publish(last);
      failing = false;
    } catch (error) {
      // Said once: there may be thousands, and the outage may take long.
      if (!failing) logger.warn({ err: error, orderId }, 'decision not asked for');
      failing = true;
      return orders.postpone(orderId, PAUSE_MS);
    }
    if (!isRequested) return orders.markRequested(orderId, policy.baseMs);
    logger.warn({ orderId, attempts: order.attempts + 1 }, 'decision asked for again');
    return recordFailure(order);
  };
}
