import { DatabaseUnavailableError } from '../db/unavailable';
import type { Order } from '../domain/order';
import type { OrderFeed } from '../events/order-feed';
import type { OrderStore } from './order-store';

export type AwaitOrder = ReturnType<typeof createAwaitOrder>;

/**
 * Waits until any replica has decided or failed the order: for `waitMs` at most, and only until the signal aborts or
 * the process begins to stop. Returns undefined if there is no order; if a later read fails, the order as last read.
 *
 * @throws {DatabaseUnavailableError} if the order cannot be read at all.
 */
export function createAwaitOrder(dependencies: {
  orders: Pick<OrderStore, 'find'>;
  feed: Pick<OrderFeed, 'watch' | 'closing'>;
}) {
  const { orders, feed } = dependencies;
  return async (
    orderId: string,
    { waitMs, signal }: { waitMs: number; signal?: AbortSignal | undefined },
  ) => {
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
        // Subscribe before reading, so that no change is missed in between.
        const notified = new Promise<void>((resolve) => (wake = resolve));
        const order = await orders.find(orderId).catch((error: unknown) => {
          // The order exists, and the next read may succeed.
          if (known && error instanceof DatabaseUnavailableError) return known;
          throw error;
        });
        known = order;
        if (isOver || order?.status !== 'PENDING') return order;
        await notified;
      }
    } finally {
      clearTimeout(timer);
      unwatch();
      for (const each of signals) each.removeEventListener('abort', giveUp);
    }
  };
}
