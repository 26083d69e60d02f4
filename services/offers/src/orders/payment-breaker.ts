import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleType,
} from 'cockatiel';
import type { Logger } from '@loan-buddy/kit';
import { UndecidedError, type AskForDecision } from './payment-client';

/** confirm-payment was not asked: it has been failing, and is left alone for a while. */
export class NotAskedError extends Error {
  readonly code = 'not-asked';
  override readonly name = 'NotAskedError';
}

/** Whether confirm-payment is asked: always, never for now, or by the one request that tries whether it is back. */
export const breakerStates = ['closed', 'open', 'half-open'] as const;

export type BreakerState = (typeof breakerStates)[number];

export interface PaymentBreaker {
  /** @throws {NotAskedError} while the breaker is open; {@link UndecidedError} as without it. */
  askForDecision: AskForDecision;
  state: () => BreakerState;
  /** How many may be asked for now: as many as one likes, none, or one to try. */
  allowance: () => number;
  /** Calls back each time confirm-payment turns out to be back. */
  onClosed: (listener: () => void) => void;
}

const stateNames: Record<CircuitState, BreakerState> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'open',
};

/**
 * A circuit breaker around confirm-payment: after `failures` in a row it is asked no more for `openMs`; then one
 * request may try, and all may if that one gets a decision.
 */
export function createPaymentBreaker(options: {
  askForDecision: AskForDecision;
  failures: number;
  openMs: number;
  logger: Logger;
}): PaymentBreaker {
  const { askForDecision, failures, openMs, logger } = options;
  const circuit = circuitBreaker(handleType(UndecidedError), {
    halfOpenAfter: openMs,
    breaker: new ConsecutiveBreaker(failures),
  });
  let openedAt = 0;
  circuit.onBreak(() => {
    openedAt = performance.now();
    logger.warn({ openMs }, 'confirm-payment keeps failing: asking no more for now');
  });
  circuit.onReset(() => {
    logger.info('confirm-payment decides again');
  });
  return {
    askForDecision: async (order, context) => {
      // Whoever comes while one tries is not made to wait for what comes of it.
      if (circuit.state === CircuitState.HalfOpen) throw new NotAskedError('somebody is trying');
      try {
        return await circuit.execute(() => askForDecision(order, context));
      } catch (error) {
        if (!(error instanceof BrokenCircuitError)) throw error;
        throw new NotAskedError('confirm-payment keeps failing', { cause: error });
      }
    },
    state: () => stateNames[circuit.state],
    allowance: () => {
      if (circuit.state === CircuitState.Closed) return Infinity;
      return circuit.state === CircuitState.Open && performance.now() - openedAt >= openMs ? 1 : 0;
    },
    onClosed: (listener) => {
      circuit.onReset(listener);
    },
  };
}
