import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@loan-buddy/kit/problem';

/** Waits, and sometimes throws, as configured. */
export type SimulateTrouble = () => Promise<void>;

/** A failure on purpose, to see how callers cope. */
export class SimulatedFailureError extends AppError {
  readonly code = 'simulated-failure';
}

/**
 * Makes a healthy service look troubled: every call takes `latencyMs` longer, and a share of `failureRate` (0 to 1)
 * of them fails with {@link SimulatedFailureError}.
 *
 * @param random a source of numbers from 0 up to 1
 */
export function createSimulateTrouble(options: {
  latencyMs: number;
  failureRate: number;
  random?: () => number;
}): SimulateTrouble {
  const { latencyMs, failureRate, random = Math.random } = options;
  return async () => {
    if (latencyMs > 0) await sleep(latencyMs);
    if (failureRate > 0 && random() < failureRate) {
      throw new SimulatedFailureError('SIMULATED_FAILURE_RATE asked for this.', {
        retryAfterSeconds: 1,
      });
    }
  };
}
