import type { PublishEvent } from '@loan-buddy/kit/messaging';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { exponentialPauseMs } from '../db/backoff';
import type { EventLog } from '../events/event-log';
import { isFinalEvent, type OrderEvent } from '../domain/order-event';
import type { Order } from '../domain/order';
import type { DueOrder, OrderStore } from '../orders/order-store';
import type { RetryPolicy } from './attempt-decision';

/** Pause before retrying an order whose request could not be published. */
const PAUSE_MS = 1000;
const NO_DECISION = 'no decision received';

/**
 * Asks for the decision on a due order by publishing its own last event, and records when it is due again. Without a
 * decision since the last message, counts a failed attempt; so does an order whose event was deleted. After the last
 * attempt, the order is `FAILED`. A failed publish does not count as an attempt.
 *
 * @throws {DatabaseUnavailableError} if the result could not be recorded: the order stays due at the same time.
 */
export function createRequestDecision(dependencies: {
  orders: Pick<OrderStore, 'find' | 'postpone' | 'markRequested' | 'recordFailure'>;
  log: Pick<EventLog, 'listByOrder'>;
  publish: PublishEvent<OrderEvent>;
  /** `baseMs` is how long a decision may take. */
  policy: RetryPolicy;
  logger: Logger;
}): (order: DueOrder) => Promise<Order> {
  const { orders, log, publish, policy, logger } = dependencies;
  let failing = false;

  const recordFailure = async (order: Order, reason: string) => {
    const updated = await orders.recordFailure(order.id, {
      reason,
      dueInMs: exponentialPauseMs(order.attempts + 1, policy),
      maxAttempts: policy.attempts,
    });
    const log = { orderId: order.id, attempts: updated.attempts };
    if (updated.status === 'FAILED')
      logger.error(log, 'order failed: no decision after the last attempt');
    return updated;
  };

  /** Handles an order without a request event: decided since the claim, or its events were deleted. */
  const withoutRequest = async (claimed: Order) => {
    const order = (await orders.find(claimed.id)) ?? claimed;
    if (order.status !== 'PENDING') return order;
    const updated = await recordFailure(order, 'there is no event to ask for a decision with');
    const log = { orderId: order.id, attempts: updated.attempts };
    if (updated.status === 'PENDING') logger.warn(log, 'decision cannot be requested');
    return updated;
  };

  return async (order) => {
    const { id: orderId, isRequested } = order;
    if (isRequested && order.attempts + 1 >= policy.attempts)
      return recordFailure(order, NO_DECISION);
    const last = (await log.listByOrder(orderId)).at(-1)?.event;
    if (!last || isFinalEvent(last.type)) return withoutRequest(order);
    try {
      await publish(last);
      failing = false;
    } catch (error) {
      // Log once: an outage may be long and affect thousands of orders.
      if (!failing) logger.warn({ err: error, orderId }, 'decision request not published');
      failing = true;
      return orders.postpone(orderId, PAUSE_MS);
    }
    if (!isRequested) return orders.markRequested(orderId, policy.baseMs);
    logger.warn({ orderId, attempts: order.attempts + 1 }, 'decision requested again');
    return recordFailure(order, NO_DECISION);
  };
}
