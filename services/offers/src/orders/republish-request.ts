import type { Logger } from '@loan-buddy/kit';
import type { EventLog } from '../events/event-log';
import type { OrderStore } from './order-store';
import { pauseMs, type RetryPolicy, type SettleOrder } from './settle-order';

/**
 * Where decisions come as messages: what is done with an order on which none has come in time. Its request is published
 * again, and that counts as an attempt in vain; one that could not be published so far is only waited for.
 *
 * @throws {DatabaseUnavailableError} where it could not be recorded: the order is still due when it was before.
 */
export function createRepublishRequest(dependencies: {
  orders: Pick<OrderStore, 'find' | 'postpone' | 'recordFailure'>;
  log: Pick<EventLog, 'republishRequest'>;
  /** `baseMs` is how long a decision may take. */
  policy: RetryPolicy;
  logger: Logger;
}): SettleOrder {
  const { orders, log, policy, logger } = dependencies;
  return async (order) => {
    const dueInMs = pauseMs(order.attempts + 1, policy);
    if (!(await log.republishRequest(order.id))) return orders.postpone(order.id, dueInMs);
    const failure = { reason: 'no decision came', dueInMs, maxAttempts: policy.attempts };
    const settled = await orders.recordFailure(order.id, failure);
    const { status, attempts } = settled;
    if (status === 'FAILED') {
      logger.error({ orderId: order.id, attempts }, 'order failed: nobody decided it');
    } else logger.warn({ orderId: order.id, attempts }, 'decision asked for again');
    return settled;
  };
}
