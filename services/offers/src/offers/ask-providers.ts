import type { Offer } from './offer';
import { InvalidAnswerError, type Provider } from './provider';

/** Why a provider's offers are missing: no answer in time, a failure, or an answer that made no sense. */
export type FailureReason = 'timeout' | 'error' | 'invalid';

/** What came of asking one provider, and how long that took. */
export type Answer = { provider: string; durationMs: number } & (
  | { offers: readonly Offer[] }
  | { reason: FailureReason; error?: unknown }
);

export type FailedAnswer = Extract<Answer, { reason: FailureReason }>;

export function hasFailed(answer: Answer): answer is FailedAnswer {
  return 'reason' in answer;
}

const expired = Symbol('expired');

/**
 * Asks providers all at once and waits for each until it answers or `timeoutMs` have passed, whatever the provider
 * does: a hanging one that ignores its signal is simply left behind. Never rejects; the answers come in the order asked.
 */
export async function askProviders(
  providers: readonly Provider[],
  timeoutMs: number,
): Promise<Answer[]> {
  const deadline = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<typeof expired>((resolve) => {
    timer = setTimeout(() => {
      resolve(expired);
      deadline.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.all(providers.map((each) => ask(each, deadline.signal, expiry)));
  } finally {
    clearTimeout(timer);
  }
}

async function ask(
  { name, fetchOffers }: Provider,
  signal: AbortSignal,
  expiry: Promise<typeof expired>,
): Promise<Answer> {
  const startedAt = performance.now();
  const answer = (outcome: { offers: readonly Offer[] } | { reason: FailureReason }): Answer => ({
    provider: name,
    durationMs: performance.now() - startedAt,
    ...outcome,
  });
  try {
    const offers = await Promise.race([fetchOffers(signal), expiry]);
    return answer(offers === expired ? { reason: 'timeout' } : { offers });
  } catch (error) {
    const reason = error instanceof InvalidAnswerError ? 'invalid' : 'error';
    return { ...answer({ reason }), error } as FailedAnswer;
  }
}
