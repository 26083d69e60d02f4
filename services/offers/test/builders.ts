import type { Provider } from '../src/catalogue/provider';
import type { Offer } from '../src/domain/offer';
import { newOrderId, type Order } from '../src/domain/order';

/** Deadline for tests that are not about deadlines: only a hang reaches it. */
export const AMPLE_MS = 60_000;

export function anOffer(overrides: Partial<Offer> = {}): Offer {
  return { id: 'offer2', provider: 'ProviderB', rate: 2.9, amount: 12_000, ...overrides };
}

/** An offer with all details. */
export function anOfferInFull(): Offer {
  return {
    ...anOffer(),
    name: 'Personal Loan',
    currency: 'AUD',
    rateMax: 20.5,
    representativeRate: 16,
    comparisonRate: 3.4,
    minAmount: 5000,
    maxAmount: 50_000,
    minTermMonths: 12,
    maxTermMonths: 84,
    fees: { upfront: 250, periodic: [{ amount: 10, months: 1 }] },
    url: 'https://bank.example/apply',
    flags: ['limit-unreadable'],
  };
}

export function anOrder(overrides: Partial<Order> = {}): Order {
  return {
    id: newOrderId(),
    userId: 'cristina',
    status: 'PENDING',
    createdAt: new Date('2025-07-08T12:30:45.678Z'),
    offer: anOffer(),
    attempts: 0,
    ...overrides,
  };
}

/** A provider that calls the given function. */
export function aProvider(overrides: Partial<Provider> & { offers?: Offer[] } = {}): Provider {
  const { offers = [anOffer()], ...rest } = overrides;
  const name = rest.name ?? offers[0]?.provider ?? 'ProviderB';
  return {
    name,
    timeoutMs: AMPLE_MS,
    owns: (offerId) => offers.some(({ id }) => id === offerId),
    fetchOffers: () => Promise.resolve({ offers }),
    ...rest,
  };
}
