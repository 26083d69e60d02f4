import type { Logger } from '@loan-buddy/kit';
import type { OrderStore } from '../orders/order-store';

/** The order store, which says in the log what every order comes to: the notification that needs nobody to ask for it. */
export function logDecisions(orders: OrderStore, logger: Logger): OrderStore {
  return {
    ...orders,
    decide: async (id, decision) => {
      const order = await orders.decide(id, decision);
      logger.info({ orderId: id, status: order.status }, 'order decided');
      return order;
    },
  };
}
