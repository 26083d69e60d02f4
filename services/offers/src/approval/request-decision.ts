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

/**
 * Asks for the decision on a due order by publishing its own last event, and records when it is due again. An attempt
 * has failed if no decision came since the last message, or if there is no event; a failure to publish does not count.
 * After the last attempt, the order is `FAILED`.
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

  const recordFailure = async (order: Order, reason: string, warning: string) => {
    const updated = await orders.recordFailure(order.id, {
      reason,
      dueInMs: exponentialPauseMs(order.attempts + 1, policy),
      maxAttempts: policy.attempts,
    });
    const log = { orderId: order.id, attempts: updated.attempts };
    if (updated.status === 'FAILED')
      logger.error(log, 'order failed: no decision after the last attempt');
    else logger.warn(log, warning);
    return updated;
  };

  return async (order) => {
    const { id: orderId, isRequested } = order;
    const recordNoDecision = () =>
      recordFailure(order, 'no decision received', 'decision requested again');
    if (isRequested && order.attempts + 1 >= policy.attempts) return recordNoDecision();
    const last = (await log.listByOrder(orderId)).at(-1)?.event;
    if (!last || isFinalEvent(last.type)) {
      // Decided since the claim, or its events were deleted.
      const current = (await orders.find(orderId)) ?? order;
      if (current.status !== 'PENDING') return current;
      const reason = 'there is no event to ask for a decision with';
      return recordFailure(current, reason, 'decision cannot be requested');
    }
    try {
      await publish(last);
      failing = false;
    } catch (error) {
      // Log once: an outage may be long and affect thousands of orders.
      if (!failing) logger.warn({ err: error, orderId }, 'decision request not published');
      failing = true;
      return orders.postpone(orderId, PAUSE_MS);
    }
    return isRequested ? recordNoDecision() : orders.markRequested(orderId, policy.baseMs);
  };
}
