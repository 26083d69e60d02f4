import type { GaugeSource } from '@loan-buddy/kit/telemetry';
import type { OrderStore } from './order-store';

/** Gauges of orders without a decision, counted in the database: each replica reports the same. */
export function createOrderGauges(orders: Pick<OrderStore, 'countOpen'>): GaugeSource {
  return {
    gauges: {
      loan_buddy_orders_pending: { help: 'Orders without a decision.' },
      loan_buddy_orders_failed: {
        help: 'Orders without a decision after the last attempt; an operator can retry them.',
      },
      loan_buddy_orders_pending_oldest_age_seconds: {
        help: 'Time since the checkout of the oldest pending order; 0 if none is pending.',
      },
    },
    read: async () => {
      const { pending, failed, oldestPendingAgeS } = await orders.countOpen();
      return {
        loan_buddy_orders_pending: pending,
        loan_buddy_orders_failed: failed,
        loan_buddy_orders_pending_oldest_age_seconds: oldestPendingAgeS,
      };
    },
  };
}
