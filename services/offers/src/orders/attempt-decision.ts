import type { Logger } from '@loan-buddy/kit';
import type { Order } from './order';
import type { OrderStore } from './order-store';
import { NotAskedError } from './payment-breaker';
import { UndecidedError, type AskForDecision } from './payment-client';

/** How often, and how long after each other, a decision is asked for. */
export interface RetryPolicy {
  /** In all, the first included; then the order has failed. */
  attempts: number;
  /** The pause after the first attempt; it doubles with each, up to `capMs`. */
  baseMs: number;
  capMs: number;
}

/** Longest reason that is kept, in UTF-16 units. */
const MAX_REASON = 500;

/** Returns the order as it is after the attempt; see {@link createAttemptDecision}. */
export type AttemptDecision = (order: Order, context: { requestId: string }) => Promise<Order>;

/**
 * Asks once for the decision on a pending order and records what came of it: the decision, the next time to ask, or
 * that the order has failed. Returns the order as it then is.
 *
 * @throws {DatabaseUnavailableError} where it could not be recorded: the order is still due when it was before.
 */
export function createAttemptDecision(dependencies: {
  orders: Pick<OrderStore, 'decide' | 'postpone' | 'recordFailure'>;
  askForDecision: AskForDecision;
  policy: RetryPolicy;
  logger: Logger;
}): AttemptDecision {
  const { orders, askForDecision, policy, logger } = dependencies;
  return async (order, context) => {
    let decision;
    try {
      decision = await askForDecision(order, context);
    } catch (error) {
      const dueInMs = pauseMs(order.attempts + 1, policy);
      if (error instanceof NotAskedError) return orders.postpone(order.id, dueInMs);
      if (!(error instanceof UndecidedError)) throw error;
      const failure = { reason: reasonOf(error), dueInMs, maxAttempts: policy.attempts };
      const updated = await orders.recordFailure(order.id, failure);
      const { status, attempts } = updated;
      const log = { err: error, orderId: order.id, requestId: context.requestId, attempts };
      if (status === 'FAILED') logger.error(log, 'order failed: nobody decided it');
      else logger.warn(log, 'order stays pending');
      return updated;
    }
    return orders.decide(order.id, decision);
  };
}

/** Exponential backoff of which the second half is left to chance, so that orders that failed together come back apart. */
export function pauseMs(attempts: number, { baseMs, capMs }: RetryPolicy): number {
  const longest = Math.min(capMs, baseMs * 2 ** (attempts - 1));
  return Math.round(longest * (0.5 + Math.random() / 2));
}

function reasonOf(error: Error): string {
  const { cause } = error;
  const text = cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
  return text.slice(0, MAX_REASON);
}
