import { ExchangeEndedError, ForbiddenAddressError, type Logger } from '@loan-buddy/kit';
import { BrokenCircuitError, circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel';
import { keepFresh, type Kept } from './keep-fresh';
import {
  ProviderError,
  type FailureReason,
  type OfferQuery,
  type Provider,
  type ProviderAnswer,
} from './provider';
import { DeadlineExceededError, withDeadline } from './with-deadline';

/** What one provider has to say. */
export type Answer = { provider: string } & (
  | ({ reason?: never; /** It should have been newer. */ stale: boolean } & Kept<ProviderAnswer>)
  | { reason: FailureReason }
);

export type FailedAnswer = Extract<Answer, { reason: FailureReason }>;

export function hasFailed<Some extends Answer>(answer: Some): answer is Some & FailedAnswer {
  return answer.reason !== undefined;
}

/** The answers of one provider, asked for only as often as need be. */
export interface FreshAnswers {
  name: string;
  owns: Provider['owns'];
  /** What is known, at once; a promise only where nothing is. That never rejects. */
  read: (query: OfferQuery) => Answer | Promise<Answer>;
}

export interface FreshAnswersOptions {
  /** How long an answer is fresh, and how long it is used at all. */
  ttlMs: number;
  maxAgeMs: number;
  /** After so many failures in a row the provider is not asked for as long. */
  failures: number;
  openMs: number;
  logger: Logger;
}

/** How many different queries are remembered of one provider. */
const MAX_QUERIES = 200;

/** Asks a provider within its deadline and behind a circuit breaker, and keeps what it answers. Failures are logged. */
export function createFreshAnswers(
  provider: Provider,
  { ttlMs, maxAgeMs, failures, openMs, logger }: FreshAnswersOptions,
): FreshAnswers {
  const { name, owns, timeoutMs, fetchOffers } = provider;
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: openMs,
    breaker: new ConsecutiveBreaker(failures),
  });
  const ask = (query: OfferQuery) =>
    withDeadline(timeoutMs, async (signal) => {
      try {
        return await fetchOffers(query, signal);
      } catch (error) {
        if (!signal.aborted || error instanceof ProviderError) throw error;
        throw new ProviderError('timeout', `no answer in ${String(timeoutMs)} ms`, {
          cause: error,
        });
      }
    });

  const load = async (query: OfferQuery) => {
    const startedAt = performance.now();
    try {
      return await breaker.execute(() => ask(query));
    } catch (error) {
      const reason = reasonOf(error);
      // Whoever is left alone has been complained about before.
      if (reason !== 'circuit-open') {
        const durationMs = Math.round(performance.now() - startedAt);
        logger.warn({ provider: name, reason, durationMs, err: error }, 'provider failed');
      }
      throw error;
    }
  };
  const answers = keepFresh<OfferQuery, ProviderAnswer>({
    load,
    keyOf: ({ amount, termMonths }) => `${String(amount)} ${String(termMonths)}`,
    ttlMs: () => ttlMs,
    maxAgeMs,
    pauseMs: 0,
    maxEntries: MAX_QUERIES,
  });
  const succeeded = (kept: Kept<ProviderAnswer>, isStale: boolean): Answer => {
    const stale = isStale || kept.value.stale === true;
    return { provider: name, stale, ...kept };
  };

  return {
    name,
    owns,
    read: (query) => {
      const kept = answers.read(query);
      if (!(kept instanceof Promise)) return succeeded(kept, performance.now() >= kept.freshUntil);
      return kept.then(
        (loaded) => succeeded(loaded, false),
        (error: unknown) => ({ provider: name, reason: reasonOf(error) }),
      );
    },
  };
}

/** What operators and clients are told of a failure. */
export function reasonOf(error: unknown): FailureReason {
  if (error instanceof ProviderError) return error.code;
  if (error instanceof DeadlineExceededError) return 'timeout';
  if (error instanceof BrokenCircuitError) return 'circuit-open';
  if (error instanceof ForbiddenAddressError) return 'forbidden-address';
  if (error instanceof ExchangeEndedError) {
    return error.code === 'too-large' ? 'too-large' : 'timeout';
  }
  return 'error';
}
