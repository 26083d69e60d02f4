import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ProviderError } from '../failure-reason';
import { offerSchema } from '../../domain/offer';
import { MAX_OFFERS, parseOffers, type FetchOffers, type ListedProvider } from '../provider';

const mockOffer = offerSchema
  .omit({ provider: true })
  .strict()
  .refine(
    ({ id }) => !id.startsWith('cdr:'),
    'must not begin with cdr: (reserved for cdr providers)',
  );

const schema = z.strictObject({
  type: z.literal('mock'),
  name: offerSchema.shape.provider,
  offers: z.array(mockOffer).min(1).max(MAX_OFFERS),
  latency_ms: z.int().min(0).max(600_000).default(0),
  fault: z.enum(['none', 'error', 'hang', 'garbage']).default('none'),
});

/**
 * A simulated provider: fixed offers, with a configurable latency and fault. It lends up to an offer's amount, over any
 * term.
 */
export const mockProvider = schema.transform((entry): ListedProvider => {
  const { name, offers, latency_ms: latencyMs, fault } = entry;
  const ids = new Set(offers.map((offer) => offer.id));
  const owns = (offerId: string) => ids.has(offerId);
  const own = offers.map(({ id, rate, amount }) => ({ id, provider: name, rate, amount }));

  const fetchOffers: FetchOffers = async ({ amount }, { signal }) => {
    if (latencyMs > 0) await sleep(latencyMs, undefined, { signal });
    if (fault === 'error') throw new ProviderError('error', 'simulated failure');
    if (fault === 'hang') return new Promise<never>(() => undefined);
    if (fault === 'garbage') return { offers: parseOffers({ name, owns }, '<html>') };
    if (amount === undefined) return { offers: own };
    const large = own.filter((offer) => offer.amount >= amount);
    return { offers: large.map((offer) => ({ ...offer, amount })) };
  };
  return {
    name,
    offerIds: [...ids],
    create: ({ timeoutMs }) => ({ name, timeoutMs, owns, fetchOffers }),
  };
});

export const defaultMocks: readonly z.input<typeof schema>[] = [
  { type: 'mock', name: 'ProviderA', offers: [{ id: 'offer1', rate: 3.5, amount: 10_000 }] },
  { type: 'mock', name: 'ProviderB', offers: [{ id: 'offer2', rate: 2.9, amount: 12_000 }] },
  { type: 'mock', name: 'ProviderC', offers: [{ id: 'offer3', rate: 4.1, amount: 9_000 }] },
];
