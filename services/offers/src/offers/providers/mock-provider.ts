import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Offer } from '../offer';
import { parseOffers, type Deadline, type Provider } from '../provider';

/** How a mock misbehaves: it fails, never answers, or answers nonsense. */
export const mockFaults = ['error', 'hang', 'garbage'] as const;

export interface MockProviderOptions {
  name: string;
  offers: readonly Omit<Offer, 'provider'>[];
  /** How long an answer takes; 0 by default. */
  latencyMs?: number | undefined;
  fault?: (typeof mockFaults)[number] | undefined;
}

/** A provider without a lender: fixed offers, with the latency and the fault one wants to see handled. */
export function createMockProvider({
  name,
  offers,
  latencyMs = 0,
  fault,
}: MockProviderOptions): Provider {
  const ids = new Set(offers.map((offer) => offer.id));
  const owns = (offerId: string) => ids.has(offerId);
  const own = parseOffers(
    { name, owns },
    offers.map(({ id, rate, amount }) => ({ id, provider: name, rate, amount })),
  );
  const healthy = Promise.resolve(own);
  const answer = () => {
    switch (fault) {
      case undefined:
        return healthy;
      case 'error':
        throw new Error('this mock was told to fail');
      case 'hang':
        return new Promise<never>(() => undefined);
      case 'garbage':
        return parseOffers({ name, owns }, { offers: '<html>' });
    }
  };
  const answerLate = async ({ signal }: Deadline) => {
    // One signal serves all providers of a request; past ten listeners Node would suspect a leak.
    setMaxListeners(0, signal);
    await sleep(latencyMs, undefined, { signal });
    return answer();
  };
  const prompt = latencyMs === 0 && fault === undefined;
  return { name, owns, fetchOffers: prompt ? () => healthy : answerLate };
}

/** The three providers asked when none are configured. */
export const defaultMocks: readonly MockProviderOptions[] = [
  { name: 'ProviderA', offers: [{ id: 'offer1', rate: 3.5, amount: 10_000 }] },
  { name: 'ProviderB', offers: [{ id: 'offer2', rate: 2.9, amount: 12_000 }] },
  { name: 'ProviderC', offers: [{ id: 'offer3', rate: 4.1, amount: 9_000 }] },
];
