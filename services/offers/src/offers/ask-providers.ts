import type { Answer, FreshAnswers } from './fresh-answers';
import type { OfferQuery } from './provider';

/** What one provider has to say, and how long it took to say so. */
export type TimedAnswer = Answer & { durationMs: number };

export type AskProviders = (
  providers: readonly FreshAnswers[],
  query: OfferQuery,
) => Promise<TimedAnswer[]>;

/**
 * Asks providers all at once and waits for each until it answers or `timeoutMs` have passed, whatever the provider
 * does. One that takes longer is not broken off: what it brings serves the next who asks. Never rejects; the answers
 * come in the order asked.
 */
export function createAskProviders({ timeoutMs }: { timeoutMs: number }): AskProviders {
  // One promise and one timer for all providers.
  return (providers, query) =>
    new Promise((resolve) => {
      const startedAt = performance.now();
      const answers = providers.map((provider) => provider.read(query));
      const timed: TimedAnswer[] = [];
      let pending = 0;
      answers.forEach((answer, index) => {
        if (!(answer instanceof Promise)) {
          timed[index] = { ...answer, durationMs: 0 };
          return;
        }
        pending += 1;
        void answer.then((late) => {
          if (timed[index]) return;
          timed[index] = { ...late, durationMs: performance.now() - startedAt };
          pending -= 1;
          if (pending === 0) finish();
        });
      });
      if (pending === 0) {
        resolve(timed);
        return;
      }
      const timer = setTimeout(() => {
        providers.forEach(({ name }, index) => {
          timed[index] ??= {
            provider: name,
            reason: 'timeout',
            durationMs: performance.now() - startedAt,
          };
        });
        finish();
      }, timeoutMs);

      function finish(): void {
        clearTimeout(timer);
        resolve(timed);
      }
    });
}
