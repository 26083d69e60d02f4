import { DatabaseUnavailableError } from '../db/unavailable';
import type { Order } from './order';
import type { OrderFeed } from './order-feed';
import type { OrderStore } from './order-store';

/** Returns the order once it is no longer pending, or as it is when the time is up; undefined if there is none. */
export type AwaitOrder = (
  orderId: string,
  options: { waitMs: number; signal?: AbortSignal | undefined },
) => Promise<Order | undefined>;

/**
 * Waits until somebody, on whichever replica, has decided or given up: for `waitMs` at most, and no longer than until the
 * signal aborts or the process is about to stop. An order that was read once is returned as it was then should it not be
 * read again.
 *
 * @throws {DatabaseUnavailableError} where the order cannot be read at all.
 */
export function createAwaitOrder(dependencies: {
  orders: Pick<OrderStore, 'find'>;
  feed: Pick<OrderFeed, 'watch' | 'closing'>;
}): AwaitOrder {
  const { orders, feed } = dependencies;
  return async (orderId, { waitMs, signal }) => {
    const signals = [feed.closing, ...(signal ? [signal] : [])];
    let isOver = waitMs <= 0 || signals.some(({ aborted }) => aborted);
    let wake: () => void = () => undefined;
    const giveUp = () => {
      isOver = true;
      wake();
    };
    const timer = setTimeout(giveUp, waitMs);
    const unwatch = feed.watch(orderId, () => {
      wake();
    });
    for (const each of signals) each.addEventListener('abort', giveUp);
    let known: Order | undefined;
    try {
      for (;;) {
        // Before the look, so that no change falls between it and the wait.
        const told = new Promise<void>((resolve) => (wake = resolve));
        const order = await orders.find(orderId).catch((error: unknown) => {
          // It is known to be there, and the next look may find the database again.
          if (known && error instanceof DatabaseUnavailableError) return known;
          throw error;
        });
        known = order;
        if (isOver || order?.status !== 'PENDING') return order;
        await told;
      }
    } finally {
      clearTimeout(timer);
      unwatch();
      for (const each of signals) each.removeEventListener('abort', giveUp);
    }
  };
}
