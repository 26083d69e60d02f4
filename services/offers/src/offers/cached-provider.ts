import type { Logger } from '@loan-buddy/kit';
import { circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel';
import { LRUCache } from 'lru-cache';
import { reasonOf, type FailureReason } from './failure-reason';
import { createSwrCache, type SwrCache, type CacheEntry } from './swr-cache';
import type { Offer } from './offer';
import type { OfferQuery, Provider, ProviderAnswer } from './provider';
import { withDeadline } from './with-deadline';

/** The offers that a provider gave; times are on the clock of `performance.now()`. */
export interface GoodAnswer {
  provider: string;
  reason?: undefined;
  /** While nothing changes, this is the same list. */
  offers: readonly Offer[];
  /** How many products could not be read. */
  unread: number;
  /** When the offers were true. */
  asOf: number;
  freshUntil: number;
  /** Whether they should have been newer. */
  isStale: boolean;
}

/** Why a provider's offers are missing. */
export interface FailedAnswer {
  provider: string;
  reason: FailureReason;
}

export type Answer = GoodAnswer | FailedAnswer;

export function hasFailed<Some extends Answer>(answer: Some): answer is Some & FailedAnswer {
  return answer.reason !== undefined;
}

/** A provider whose answers are kept, so that it is asked only as often as need be. */
export interface CachedProvider {
  name: string;
  owns: Provider['owns'];
  /** What is known, at once; a promise only where nothing is. That never rejects. */
  read: (query: OfferQuery) => Answer | Promise<Answer>;
}

/** How many different queries are remembered of one provider. */
const MAX_QUERIES = 200;

/**
 * Asks a provider within its deadline and behind a circuit breaker: after `failures` in a row it is not asked for
 * `openMs`. Its answers are fresh for `ttlMs`, and used until `maxAgeMs`. Failures are logged.
 */
export function createCachedProvider(
  provider: Provider,
  options: {
    ttlMs: number;
    maxAgeMs: number;
    failures: number;
    openMs: number;
    logger: Logger;
  },
): CachedProvider {
  const { name, owns, timeoutMs, fetchOffers } = provider;
  const { ttlMs, maxAgeMs, failures, openMs, logger } = options;
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: openMs,
    breaker: new ConsecutiveBreaker(failures),
  });
  const answers = new LRUCache<string, SwrCache<ProviderAnswer>>({ max: MAX_QUERIES });

  return {
    name,
    owns,
    read: (query) => {
      const kept = answersTo(query).read();
      if (!(kept instanceof Promise)) return toAnswer(kept, performance.now() >= kept.freshUntil);
      return kept.then(
        (loaded) => toAnswer(loaded, false),
        (error: unknown) => ({ provider: name, reason: reasonOf(error) }),
      );
    },
  };

  function answersTo(query: OfferQuery): SwrCache<ProviderAnswer> {
    const key = `${String(query.amount)} ${String(query.termMonths)}`;
    let known = answers.get(key);
    if (!known) {
      known = createSwrCache({
        load: () => ask(query),
        ttlMs: () => ttlMs,
        maxAgeMs: () => maxAgeMs,
      });
      answers.set(key, known);
    }
    return known;
  }

  async function ask(query: OfferQuery): Promise<ProviderAnswer> {
    const startedAt = performance.now();
    try {
      return await breaker.execute(() =>
        // Not trusted to be a promise, nor to be made without an exception.
        withDeadline(timeoutMs, async (signal) => fetchOffers(query, signal)),
      );
    } catch (error) {
      const reason = reasonOf(error);
      // Whoever is left alone has been complained about before.
      if (reason !== 'circuit-open') {
        const durationMs = Math.round(performance.now() - startedAt);
        logger.warn({ provider: name, reason, durationMs, err: error }, 'provider failed');
      }
      throw error;
    }
  }

  function toAnswer({ value, loadedAt, freshUntil }: CacheEntry<ProviderAnswer>, isStale: boolean) {
    const { offers, unread = 0, ageMs = 0, isStale: wasStale = false } = value;
    const asOf = loadedAt - ageMs;
    return { provider: name, offers, unread, asOf, freshUntil, isStale: isStale || wasStale };
  }
}
