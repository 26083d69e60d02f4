import type { Logger } from '@loan-buddy/kit';
import type { Offer } from './offer';
import { InvalidAnswerError, type Provider } from './provider';

/** Why a provider's offers are missing: no answer in time, a failure, or an answer that made no sense. */
export type FailureReason = 'timeout' | 'error' | 'invalid';

/** What came of asking one provider, and how long that took. */
export type Answer = { provider: string; durationMs: number } & (
  { offers: readonly Offer[] } | { reason: FailureReason }
);

export type FailedAnswer = Extract<Answer, { reason: FailureReason }>;

export function hasFailed(answer: Answer): answer is FailedAnswer {
  return 'reason' in answer;
}

export type AskProviders = (providers: readonly Provider[]) => Promise<Answer[]>;

/**
 * Asks providers all at once and waits for each until it answers or `timeoutMs` have passed, whatever the provider
 * does: a hanging one that ignores its signal is simply left behind. Failures are logged. Never rejects; the answers
 * come in the order asked.
 */
export function createAskProviders(options: { timeoutMs: number; logger: Logger }): AskProviders {
  const { timeoutMs, logger } = options;
  // One promise and one timer for all providers: this runs for every GET /offers.
  return (providers) =>
    new Promise((resolve) => {
      const deadline = new AbortController();
      const startedAt = performance.now();
      const answers: Answer[] = [];
      let pending = providers.length;
      const timer = setTimeout(() => {
        for (let i = 0; i < providers.length; i++) fail(i, 'timeout');
        deadline.abort();
      }, timeoutMs);

      providers.forEach(({ name, fetchOffers }, index) => {
        const failed = (error: unknown) => {
          fail(index, error instanceof InvalidAnswerError ? 'invalid' : 'error', error);
        };
        try {
          fetchOffers(deadline).then((offers) => {
            settle(index, { provider: name, durationMs: performance.now() - startedAt, offers });
          }, failed);
        } catch (error) {
          failed(error);
        }
      });

      function fail(index: number, reason: FailureReason, error?: unknown): void {
        if (answers[index]) return;
        const provider = providers[index]!.name;
        logger.warn(
          { provider, reason, ...(error !== undefined && { err: error }) },
          'provider failed',
        );
        settle(index, { provider, durationMs: performance.now() - startedAt, reason });
      }

      function settle(index: number, answer: Answer): void {
        if (answers[index]) return;
        answers[index] = answer;
        pending -= 1;
        if (pending > 0) return;
        clearTimeout(timer);
        resolve(answers);
      }
    });
}
