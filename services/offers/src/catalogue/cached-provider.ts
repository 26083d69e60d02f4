import type { Logger } from '@loan-buddy/kit/telemetry';
import { circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel';
import { LRUCache } from 'lru-cache';
import { reasonOf, type FailureReason } from './failure-reason';
import { createSwrCache, type SwrCache, type CacheEntry } from './swr-cache';
import type { Offer } from '../domain/offer';
import type { OfferQuery, Provider, ProviderAnswer } from './provider';
import { withDeadline } from './with-deadline';

/** A provider's offers. Times are on the clock of `performance.now()`. */
export interface GoodAnswer {
  provider: string;
  reason?: undefined;
  /** The same array until something changes. */
  offers: readonly Offer[];
  /** Number of products that could not be read. */
  unread: number;
  /** When the offers were true. */
  asOf: number;
  freshUntil: number;
  /** Whether they are past their freshness. */
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

/** A provider with a cache, which is asked only as often as necessary. */
export interface CachedProvider {
  name: string;
  owns: Provider['owns'];
  /** Returns the cached result at once; a promise only if there is none. The promise never rejects. */
  read: (query: OfferQuery) => Answer | Promise<Answer>;
}

/** Maximum cached queries per provider. */
const MAX_QUERIES = 200;

/**
 * Calls a provider within its deadline and behind a circuit breaker, which opens for `openMs` after `failures`
 * consecutive failures. Results are fresh for `ttlMs`, and usable until `maxAgeMs`. Logs failures.
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
        // Async wrapper: `fetchOffers` may throw, or return something other than a promise.
        withDeadline(timeoutMs, async (signal) => fetchOffers(query, signal)),
      );
    } catch (error) {
      const reason = reasonOf(error);
      // The failures that opened the circuit are already in the log.
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
