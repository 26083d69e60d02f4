import { createPoller, type Logger, type Poller } from '@loan-buddy/kit';
import type { Order } from './order';
import type { OrderStore } from './order-store';
import type { PaymentBreaker } from './payment-breaker';
import type { SettleOrder } from './settle-order';

/** Orders settled at the same time: few enough that replicas share the work. */
const CONCURRENCY = 10;

/**
 * Settles what is due: the orders whose checkout nobody finished, or nobody decided.
 *
 * @param leaseMs how long a settling may take: after that, another worker may take the order.
 */
export function createRetryWorker(dependencies: {
  orders: Pick<OrderStore, 'claimDue'>;
  settleOrder: SettleOrder;
  breaker: Pick<PaymentBreaker, 'allowance'>;
  leaseMs: number;
  logger: Logger;
}): Poller {
  const { orders, settleOrder, breaker, leaseMs, logger } = dependencies;
  const inHand = new Set<Promise<void>>();
  const poller = createPoller({ name: 'due orders', work: takeDue, logger });

  /** Takes what it has hands for. What is settled makes it look again. */
  async function takeDue(): Promise<boolean> {
    const wanted = Math.min(CONCURRENCY, breaker.allowance()) - inHand.size;
    const taken = wanted > 0 ? await orders.claimDue(wanted, leaseMs) : [];
    for (const order of taken) settle(order);
    return taken.length > 0 && taken.length === wanted && inHand.size < CONCURRENCY;
  }

  function settle(order: Order): void {
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
