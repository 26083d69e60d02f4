import type { Result, CachedProvider } from './cached-provider';
import type { OfferQuery } from './provider';

/** A provider's result, and how long it took. */
export type TimedResult = Result & { durationMs: number };

/** Returns one result per provider, in the given order; see {@link createAskProviders}. */
export type AskProviders = (
  providers: readonly CachedProvider[],
  query: OfferQuery,
) => Promise<TimedResult[]>;

/**
 * Asks all providers concurrently, and waits for each for at most `timeoutMs`, whatever it does. A slower call is not
 * aborted: its result serves later requests. Never rejects; results are in the given order.
 */
export function createAskProviders({ timeoutMs }: { timeoutMs: number }): AskProviders {
  return async (providers, query) => {
    const startedAt = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, 'late');
    });
    try {
      return await Promise.all(
        providers.map(async (provider): Promise<TimedResult> => {
          const cached = provider.read(query);
          if (!(cached instanceof Promise)) return { ...cached, durationMs: 0 };
          const result = await Promise.race([cached, deadline]);
          const durationMs = performance.now() - startedAt;
          if (result !== 'late') return { ...result, durationMs };
          return { provider: provider.name, reason: 'timeout', durationMs };
        }),
      );
    } finally {
      clearTimeout(timer);
    }
  };
}
