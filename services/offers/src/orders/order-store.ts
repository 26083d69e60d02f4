import type { Decision, Order } from './order';

/** Keeps orders. A decided order never changes: the first decision stays. */
export interface OrderStore {
  insert: (order: Order) => Promise<void>;
  find: (id: string) => Promise<Order | undefined>;
  /** Records the decision if the order is still pending; returns the order as it now is. */
  decide: (id: string, decision: Decision) => Promise<Order>;
}

/** Orders in memory: gone when the process ends. */
export function createMemoryOrderStore(): OrderStore {
  const orders = new Map<string, Order>();
  return {
    insert: (order) => {
      orders.set(order.id, order);
      return Promise.resolve();
    },
    find: (id) => Promise.resolve(orders.get(id)),
    decide: (id, decision) => {
      const order = orders.get(id);
      if (!order) return Promise.reject(new Error(`there is no order ${id}`));
      const decided = order.status === 'PENDING' ? { ...order, status: decision } : order;
      orders.set(id, decided);
      return Promise.resolve(decided);
    },
  };
}
