import type { Logger } from '@loan-buddy/kit';
import type { Order } from './order';
import type { OrderStore } from './order-store';
import type { PaymentBreaker } from './payment-breaker';
import type { SettleOrder } from './settle-order';

/** How often due orders are looked for when nothing else tells of any. */
const POLL_MS = 500;
/** Orders settled at the same time: few enough that replicas share the work. */
const CONCURRENCY = 10;

/** Settles what is due: the orders whose checkout nobody finished, or nobody decided. */
export interface RetryWorker {
  start: () => void;
  /** Looks for due orders now. */
  wake: () => void;
  /** Takes no more orders; resolves when those in hand are settled. */
  stop: () => Promise<void>;
}

/** @param leaseMs how long a settling may take: after that, another worker may take the order. */
export function createRetryWorker(dependencies: {
  orders: Pick<OrderStore, 'claimDue'>;
  settleOrder: SettleOrder;
  breaker: Pick<PaymentBreaker, 'allowance'>;
  leaseMs: number;
  logger: Logger;
}): RetryWorker {
  const { orders, settleOrder, breaker, leaseMs, logger } = dependencies;
  const inHand = new Set<Promise<void>>();
  let stopping = false;
  let failing = false;
  let running: Promise<void> = Promise.resolve();
  let wake: () => void = () => undefined;

  async function run(): Promise<void> {
    while (!stopping) {
      const wanted = Math.min(CONCURRENCY, breaker.allowance()) - inHand.size;
      const taken = wanted > 0 ? await claim(wanted) : [];
      for (const order of taken) settle(order);
      if (taken.length === 0 || taken.length < wanted || inHand.size >= CONCURRENCY) await rest();
    }
    await Promise.all(inHand);
  }

  async function claim(limit: number): Promise<Order[]> {
    try {
      const taken = await orders.claimDue(limit, leaseMs);
      failing = false;
      return taken;
    } catch (error) {
      // Said once: the next look comes soon, and the outage may take long.
      if (!failing) logger.warn({ err: error }, 'cannot look for due orders');
      failing = true;
      return [];
    }
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
        wake();
      });
    inHand.add(settling);
  }

  async function rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (stopping) wake();
    });
  }

  return {
    start: () => {
      running = run();
    },
    wake: () => {
      wake();
    },
    stop: () => {
      stopping = true;
      wake();
      return running;
    },
  };
}
