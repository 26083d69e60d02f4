import { ExchangeEndedError, ForbiddenAddressError, UnusableResponseError } from '@loan-buddy/kit';
import { BrokenCircuitError } from 'cockatiel';
import { DeadlineExceededError } from './with-deadline';

/**
 * Why a provider's offers are missing: no answer in time; a failure on the way; an answer that made no sense, or was
 * too large; an address that is not asked; the lender wants to be asked less; it keeps failing and is left alone.
 */
export type FailureReason =
  | 'timeout'
  | 'error'
  | 'invalid'
  | 'too-large'
  | 'forbidden-address'
  | 'rate-limited'
  | 'circuit-open';

/** A provider did not give its offers, for a reason. */
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

/** What operators and clients are told of a failure. */
export function reasonOf(error: unknown): FailureReason {
  if (error instanceof ProviderError) return error.code;
  if (error instanceof DeadlineExceededError) return 'timeout';
  if (error instanceof BrokenCircuitError) return 'circuit-open';
  if (error instanceof ForbiddenAddressError) return 'forbidden-address';
  if (error instanceof UnusableResponseError) return 'invalid';
  if (error instanceof ExchangeEndedError && error.code === 'too-large') return 'too-large';
  return 'error';
}
