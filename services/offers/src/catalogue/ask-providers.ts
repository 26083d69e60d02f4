import type { CachedProvider, Result } from './cached-provider';
import type { OfferQuery } from './provider';

export type AskProviders = (
  providers: readonly CachedProvider[],
  query: OfferQuery,
) => Promise<Result[]>;

/**
 * Asks all providers concurrently, and waits for each for at most `timeoutMs`, whatever it does. A slower call is not
 * aborted: its result serves later requests. Never rejects. Returns one result per provider, in the given order.
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
        providers.map(async (provider): Promise<Result> => {
          const result = await Promise.race([provider.read(query), deadline]);
          if (result !== 'late') return result;
          const durationMs = performance.now() - startedAt;
          return { provider: provider.name, reason: 'timeout', durationMs };
        }),
      );
    } finally {
      clearTimeout(timer);
    }
  };
}
