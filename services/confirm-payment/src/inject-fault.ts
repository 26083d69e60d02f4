import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@loan-buddy/kit/problem';

export type InjectFault = () => Promise<void>;

/** Deliberate, to test how callers handle failures. */
export class SimulatedFailureError extends AppError {
  readonly code = 'simulated-failure';
}

/** Adds `latencyMs` to every call, and fails a share of `failureRate`, from 0 to 1. */
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
