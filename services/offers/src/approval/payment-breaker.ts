import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleType,
} from 'cockatiel';
import type { GaugeSource, Logger } from '@loan-buddy/kit/telemetry';
import { breakerState, byState } from '../client/breaker-state';
import { UndecidedError, type AskForDecision } from './payment-client';

/** The breaker is open: confirm-payment was not called. */
export class BreakerOpenError extends Error {
  readonly code = 'not-asked';
  override readonly name = 'BreakerOpenError';
}

/**
 * Opens for `openMs` after `failures` consecutive failures of confirm-payment, then allows one trial. Closes if the
 * trial gets a decision.
 */
export function createPaymentBreaker(options: {
  askForDecision: AskForDecision;
  failures: number;
  openMs: number;
  logger: Logger;
}) {
  const { askForDecision, failures, openMs, logger } = options;
  const circuit = circuitBreaker(handleType(UndecidedError), {
    halfOpenAfter: openMs,
    breaker: new ConsecutiveBreaker(failures),
  });
  let openedAt = 0;
  circuit.onBreak(() => {
    openedAt = performance.now();
    logger.warn({ openMs }, 'confirm-payment circuit opened');
  });
  circuit.onReset(() => {
    logger.info('confirm-payment circuit closed');
  });
  return {
    /** @throws {BreakerOpenError} while the breaker is open; {@link UndecidedError} as without it. */
    askForDecision: async (...call: Parameters<AskForDecision>) => {
      // While the half-open trial runs, fail fast.
      if (circuit.state === CircuitState.HalfOpen)
        throw new BreakerOpenError('half-open trial in progress');
      try {
        return await circuit.execute(() => askForDecision(...call));
      } catch (error) {
        if (!(error instanceof BrokenCircuitError)) throw error;
        throw new BreakerOpenError('confirm-payment circuit is open', { cause: error });
      }
    },
    state: () => breakerState(circuit.state),
    /** How many calls may start now: unlimited, none, or one trial. */
    allowance: () => {
      if (circuit.state === CircuitState.Closed) return Infinity;
      return circuit.state === CircuitState.Open && performance.now() - openedAt >= openMs ? 1 : 0;
    },
    /** Calls back each time the breaker closes. */
    onClosed: circuit.onReset,
  };
}

/** Gauge of this replica's circuit breaker around confirm-payment; missing if there is none. */
export function createBreakerGauge(state: () => string | undefined): GaugeSource {
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
      return { loan_buddy_confirm_payment_breaker_state: byState(now) };
    },
  };
}
