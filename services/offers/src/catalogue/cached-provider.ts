import { inSpan, type Logger } from '@loan-buddy/kit/telemetry';
import { circuitBreaker, ConsecutiveBreaker, handleAll } from 'cockatiel';
import { LRUCache } from 'lru-cache';
import { reasonOf, type FailureReason } from './failure-reason';
import { createSwrCache, type SwrCache } from './swr-cache';
import type { Offer } from '../domain/offer';
import type { OfferQuery, Provider, ProviderResult } from './provider';
import { createProviderMetrics, type ReadResult } from './provider-metrics';
import { withDeadline } from './with-deadline';

/** A provider's offers. Times are on the clock of `performance.now()`. */
export interface Success {
  provider: string;
  reason?: undefined;
  /** The same array until something changes. */
  offers: readonly Offer[];
  /** Number of products that could not be read. */
  unread: number;
  /** When the offers were current. */
  asOf: number;
  freshUntil: number;
  isStale: boolean;
}

export interface Failure {
  provider: string;
  reason: FailureReason;
}

/** A provider's result, and how long the caller waited for it: 0 if it was cached. */
export type Result = (Success | Failure) & { durationMs: number };

export function hasFailed<Some extends Result>(result: Some): result is Some & Failure {
  return result.reason !== undefined;
}

/** A provider with a cache, which is asked only as often as necessary. */
export type CachedProvider = ReturnType<typeof createCachedProvider>;

/** Maximum cached queries per provider. */
const MAX_QUERIES = 200;

/**
 * Calls a provider within its deadline and behind a circuit breaker, which opens for `openMs` after `failures`
 * consecutive failures. Results are fresh for `ttlMs`, and usable until `maxAgeMs`. A caller waits for at most `waitMs`; a
 * slower call is not aborted: its result serves later callers. Logs failures.
 */
export function createCachedProvider(
  provider: Provider,
  options: {
    ttlMs: number;
    maxAgeMs: number;
    failures: number;
    openMs: number;
    waitMs: number;
    logger: Logger;
  },
) {
  const { name, owns, timeoutMs, fetchOffers } = provider;
  const { ttlMs, maxAgeMs, failures, openMs, waitMs, logger } = options;
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: openMs,
    breaker: new ConsecutiveBreaker(failures),
  });
  const attributes = { 'loan_buddy.provider.name': name };
  const metrics = createProviderMetrics(name);
  breaker.onStateChange(metrics.setBreaker);
  const caches = new LRUCache<string, SwrCache<ProviderResult>>({ max: MAX_QUERIES });

  return {
    name,
    owns,
    /** Waits only if there is no cached result. Never rejects. */
    read: (query: OfferQuery): Promise<Result> =>
      inSpan(`read ${name}`, { attributes, errorOf: ({ reason }) => reason }, async () => {
        const result = await read(query);
        metrics.countRead(readResult(result));
        return result;
      }),
  };

  async function read(query: OfferQuery): Promise<Result> {
    const startedAt = performance.now();
    const waitedMs = () => performance.now() - startedAt;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, waitMs);
    });
    try {
      const entry = await Promise.race([cacheFor(query).read(), late]);
      if (!entry) return { provider: name, reason: 'timeout', durationMs: waitedMs() };
      const { value, loadedAt, freshUntil } = entry;
      const { offers, unread = 0, ageMs = 0, isStale: wasStale = false } = value;
      const isCached = loadedAt < startedAt;
      const isStale = wasStale || (isCached && startedAt >= freshUntil);
      const durationMs = isCached ? 0 : waitedMs();
      return {
        provider: name,
        offers,
        unread,
        asOf: loadedAt - ageMs,
        freshUntil,
        isStale,
        durationMs,
      };
    } catch (error) {
      return { provider: name, reason: reasonOf(error), durationMs: waitedMs() };
    } finally {
      clearTimeout(timer);
    }
  }

  function cacheFor(query: OfferQuery): SwrCache<ProviderResult> {
    const key = `${String(query.amount)} ${String(query.termMonths)}`;
    let cache = caches.get(key);
    if (!cache) {
      const load = () => ask(query);
      cache = createSwrCache({ load, ttlMs: () => ttlMs, maxAgeMs: () => maxAgeMs });
      caches.set(key, cache);
    }
    return cache;
  }

  async function ask(query: OfferQuery): Promise<ProviderResult> {
    const startedAt = performance.now();
    try {
      const result = await breaker.execute(() =>
        inSpan(`ask ${name}`, { attributes }, () =>
          // Async wrapper: `fetchOffers` may throw, or return something other than a promise.
          withDeadline(timeoutMs, async (deadline) => fetchOffers(query, deadline)),
        ),
      );
      metrics.observeRequest('ok', performance.now() - startedAt);
      return result;
    } catch (error) {
      const reason = reasonOf(error);
      // The failures that opened the circuit are already in the log, and counted.
      if (reason !== 'circuit-open') {
        const elapsedMs = performance.now() - startedAt;
        metrics.observeRequest(reason, elapsedMs);
        logger.warn(
          { provider: name, reason, durationMs: Math.round(elapsedMs), err: error },
          'provider failed',
        );
      }
      throw error;
    }
  }
}

function readResult(result: Result): ReadResult {
  if (hasFailed(result)) return 'missing';
  if (result.isStale) return 'stale';
  return result.durationMs === 0 ? 'fresh' : 'awaited';
}
