import type { GaugeSource } from '@loan-buddy/kit/telemetry';
import { breakerStates, type BreakerState } from './payment-breaker';

/** Gauge of this replica's circuit breaker around confirm-payment; missing if there is none. */
export function createBreakerGauge(state: () => BreakerState | undefined): GaugeSource {
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
