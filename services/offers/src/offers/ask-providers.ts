import type { Answer, CachedProvider } from './cached-provider';
import type { OfferQuery } from './provider';

/** What one provider has to say, and how long it took to say so. */
export type TimedAnswer = Answer & { durationMs: number };

/** Gives one answer for each provider, in the order asked; see {@link createAskProviders}. */
export type AskProviders = (
  providers: readonly CachedProvider[],
  query: OfferQuery,
) => Promise<TimedAnswer[]>;

/**
 * Asks providers all at once and waits for each until it answers or `timeoutMs` have passed, whatever the provider
 * does. One that takes longer is not broken off: what it brings serves the next who asks. Never rejects; the answers
 * come in the order asked.
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
        providers.map(async (provider): Promise<TimedAnswer> => {
          const known = provider.read(query);
          if (!(known instanceof Promise)) return { ...known, durationMs: 0 };
          const answer = await Promise.race([known, deadline]);
          const durationMs = performance.now() - startedAt;
          if (answer !== 'late') return { ...answer, durationMs };
          return { provider: provider.name, reason: 'timeout', durationMs };
        }),
      );
    } finally {
      clearTimeout(timer);
    }
  };
}
