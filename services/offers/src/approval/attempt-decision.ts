import type { Logger } from '@loan-buddy/kit/telemetry';
import type { AttemptDecision } from '../orders/checkout';
import type { OrderStore } from '../orders/order-store';
import { exponentialPauseMs } from '../db/backoff';
import { BreakerOpenError } from './payment-breaker';
import { UndecidedError, type AskForDecision } from './payment-client';

export interface RetryPolicy {
  /** Including the first. After the last, the order is `FAILED`. */
  attempts: number;
  /** Pause after the first attempt, in milliseconds. It doubles with each attempt, up to `capMs`. */
  baseMs: number;
  capMs: number;
}

/** Maximum length of a stored reason, in UTF-16 units. */
const MAX_REASON = 500;

/**
 * Asks once for the decision on a pending order and records the result. Returns the updated order.
 *
 * @throws {DatabaseUnavailableError} if the result could not be recorded: the order stays due at the same time.
 */
export function createAttemptDecision(dependencies: {
  orders: Pick<OrderStore, 'decide' | 'postpone' | 'recordFailure'>;
  askForDecision: AskForDecision;
  policy: RetryPolicy;
  logger: Logger;
}): AttemptDecision {
  const { orders, askForDecision, policy, logger } = dependencies;
  return async (order, context) => {
    try {
      return await orders.decide(order.id, await askForDecision(order, context));
    } catch (error) {
      const dueInMs = exponentialPauseMs(order.attempts + 1, policy);
      if (error instanceof BreakerOpenError) return orders.postpone(order.id, dueInMs);
      if (!(error instanceof UndecidedError)) throw error;
      const { message, cause } = error;
      const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
      const updated = await orders.recordFailure(order.id, {
        reason: reason.slice(0, MAX_REASON),
        dueInMs,
        maxAttempts: policy.attempts,
      });
      const { status, attempts } = updated;
      const log = { err: error, orderId: order.id, requestId: context.requestId, attempts };
      if (status === 'FAILED')
        logger.error(log, 'order failed: no decision after the last attempt');
      else logger.warn(log, 'order stays pending');
      return updated;
    }
  };
}
