import { inLinkedSpan, type Logger } from '@loan-buddy/kit/telemetry';
import { createWorker, type Worker } from '../db/worker';
import type { Order } from '../domain/order';
import type { DueOrder, OrderStore } from '../orders/order-store';

/** Works through due orders: those without an attempt or whose last attempt got no decision. */
export function createDecisionWorker(dependencies: {
  orders: Pick<OrderStore, 'claimDue'>;
  attemptDecision: (order: DueOrder, context: { requestId: string }) => Promise<Order>;
  /** Maximum concurrency now: low enough that replicas share the work. */
  allowance: () => number;
  /** Maximum duration of an attempt; after that, another worker may claim the order. */
  leaseMs: number;
  logger: Logger;
}): Worker {
  const { orders, attemptDecision, allowance, leaseMs, logger } = dependencies;
  return createWorker<DueOrder>({
    name: 'due orders',
    claim: (limit) => orders.claimDue(limit, leaseMs),
    work: (order) => {
      const { id: orderId, traceparent } = order;
      const attributes = { 'loan_buddy.order.id': orderId };
      const span = { kind: 'CONSUMER', attributes, traceparent } as const;
      return inLinkedSpan('attempt decision', span, async () => {
        try {
          const { status } = await attemptDecision(order, { requestId: orderId });
          logger.info({ orderId, status }, 'order processed');
        } catch (error) {
          logger.warn({ err: error, orderId }, 'decision attempt failed');
        }
      });
    },
    capacity: allowance,
    logger,
  });
}
