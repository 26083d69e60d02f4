import { createPoller, type Logger, type Poller } from '@loan-buddy/kit';
import type { Order } from './order';
import type { DueOrder, OrderStore } from './order-store';

/**
 * Settles what is due: the orders whose checkout nobody finished, or nobody decided.
 *
 * @param settleOrder asks for the decision on one
 * @param allowance how many may be in hand now: few enough that replicas share the work
 * @param leaseMs how long a settling may take: after that, another worker may take the order.
 */
export function createRetryWorker(dependencies: {
  orders: Pick<OrderStore, 'claimDue'>;
  settleOrder: (order: DueOrder, context: { requestId: string }) => Promise<Order>;
  allowance: () => number;
  leaseMs: number;
  logger: Logger;
}): Poller {
  const { orders, settleOrder, allowance, leaseMs, logger } = dependencies;
  const inHand = new Set<Promise<void>>();
  const poller = createPoller({ name: 'due orders', work: takeDue, logger });

  /** Takes what it has hands for. What is settled makes it look again. */
  async function takeDue(): Promise<boolean> {
    const wanted = allowance() - inHand.size;
    const taken = wanted > 0 ? await orders.claimDue(wanted, leaseMs) : [];
    for (const order of taken) settle(order);
    return taken.length > 0 && inHand.size < allowance();
  }

  function settle(order: DueOrder): void {
    const settling = settleOrder(order, { requestId: order.id })
      .then(
        ({ status }) => {
          logger.info({ orderId: order.id, status }, 'order retried');
        },
        (error: unknown) => {
          logger.warn({ err: error, orderId: order.id }, 'order could not be settled');
        },
      )
      .finally(() => {
        inHand.delete(settling);
        poller.wake();
      });
    inHand.add(settling);
  }

  return {
    ...poller,
    stop: async () => {
      await poller.stop();
      await Promise.all(inHand);
    },
  };
}
