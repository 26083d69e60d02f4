import { createLifecycle } from '@loan-buddy/kit';
import { recordingLogger } from '@loan-buddy/kit/testing';
import { createApp } from '../src/app';
import { createAskProviders } from '../src/offers/ask-providers';
import { createFindOffer } from '../src/offers/find-offer';
import { createListOffers } from '../src/offers/list-offers';
import type { Offer } from '../src/offers/offer';
import type { Provider } from '../src/offers/provider';
import { createMockProvider, defaultMocks } from '../src/offers/providers/mock-provider';
import { createCheckout } from '../src/orders/checkout';
import type { Order } from '../src/orders/order';
import { createMemoryOrderStore } from '../src/orders/order-store';
import type { AskForDecision } from '../src/orders/payment-client';

export function anOffer(overrides: Partial<Offer> = {}): Offer {
  return { id: 'offer2', provider: 'ProviderB', rate: 2.9, amount: 12_000, ...overrides };
}

export function anOrder(overrides: Partial<Order> = {}): Order {
  return {
    id: 'order-1',
    userId: 'cristina',
    status: 'PENDING',
    createdAt: new Date('2025-07-08T12:30:45.678Z'),
    offer: anOffer(),
    ...overrides,
  };
}

/** The three mocks; each may be changed by its name. */
export function threeMocks(
  changes: Partial<Record<string, Partial<Parameters<typeof createMockProvider>[0]>>> = {},
): Provider[] {
  return defaultMocks.map((mock) => createMockProvider({ ...mock, ...changes[mock.name] }));
}

/** The whole service as main.ts puts it together, around these parts. */
export function aService(parts: {
  providers?: Provider[];
  timeoutMs?: number;
  askForDecision?: AskForDecision;
}) {
  const {
    providers = threeMocks(),
    timeoutMs = 200,
    askForDecision = () => Promise.resolve('APPROVED'),
  } = parts;
  const { logger, lines } = recordingLogger();
  const orders = createMemoryOrderStore();
  const askProviders = createAskProviders({ timeoutMs, logger });
  const findOffer = createFindOffer({ providers, askProviders });
  const app = createApp({
    logger,
    lifecycle: createLifecycle(),
    listOffers: createListOffers({ providers, askProviders }),
    findOffer,
    orders,
    checkout: createCheckout({ findOffer, orders, askForDecision, logger }),
  });
  return { app, orders, lines };
}
