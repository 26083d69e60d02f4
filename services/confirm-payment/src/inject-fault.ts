import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@loan-buddy/kit/problem';

export type InjectFault = () => Promise<void>;

/** A deliberate failure, to test how callers handle it. */
export class SimulatedFailureError extends AppError {
  readonly code = 'simulated-failure';
}

/**
 * Injects faults for tests of callers: adds `latencyMs` to every call, and fails a share of `failureRate` (0 to 1) with
 * {@link SimulatedFailureError}.
 *
 * @param random returns a number from 0 up to, but not including, 1
 */
export function createInjectFault(options: {
  latencyMs: number;
  failureRate: number;
  random?: () => number;
}): InjectFault {
  const { latencyMs, failureRate, random = Math.random } = options;
  return async () => {
    if (latencyMs > 0) await sleep(latencyMs);
    if (failureRate > 0 && random() < failureRate) {
      throw new SimulatedFailureError('Simulated failure: SIMULATED_FAILURE_RATE is above 0.', {
        retryAfterSeconds: 1,
      });
    }
  };
}
