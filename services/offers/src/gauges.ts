import type { GaugeSource } from '@loan-buddy/kit/telemetry';
import type { OrderStore } from './orders/order-store';
import { breakerStates, type BreakerState } from './approval/payment-breaker';

/** Gauges of orders without a decision, counted in the database: each replica reports the same. */
export function openOrderGauges(orders: Pick<OrderStore, 'countOpen'>): GaugeSource {
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

/** Gauge of this replica's circuit breaker around confirm-payment; missing if there is none. */
export function breakerGauge(state: () => BreakerState | undefined): GaugeSource {
  return {
    gauges: {
      loan_buddy_confirm_payment_breaker_state: {
        help: 'State of the circuit breaker around confirm-payment on this replica: 1 for the current state, 0 for the others.',
        label: 'state',
      },
    },
    read: () => {
      const now = state();
      if (now === undefined) return {};
      const values = breakerStates.map((each) => [each, Number(each === now)] as const);
      return { loan_buddy_confirm_payment_breaker_state: Object.fromEntries(values) };
    },
  };
}
