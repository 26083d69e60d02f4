import { ExchangeEndedError } from '../client/exchange';
import { ForbiddenAddressError } from '../client/public-address';
import { UnusableResponseError } from '../client/web-client';
import { BrokenCircuitError } from 'cockatiel';
import { DeadlineExceededError } from './with-deadline';

/** Why a provider's offers are missing. `circuit-open`: not asked, after repeated failures. */
export type FailureReason =
  | 'timeout'
  | 'error'
  | 'invalid'
  | 'too-large'
  | 'forbidden-address'
  | 'rate-limited'
  | 'circuit-open';

/** A provider failed for a known reason. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';

  constructor(
    readonly code: FailureReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Returns the reason for operators and clients. */
export function reasonOf(error: unknown): FailureReason {
  if (error instanceof ProviderError) return error.code;
  if (error instanceof DeadlineExceededError) return 'timeout';
  if (error instanceof BrokenCircuitError) return 'circuit-open';
  if (error instanceof ForbiddenAddressError) return 'forbidden-address';
  if (error instanceof UnusableResponseError) return 'invalid';
  if (error instanceof ExchangeEndedError && error.code === 'too-large') return 'too-large';
  return 'error';
}
