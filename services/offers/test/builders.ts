import type { Admission } from '@loan-buddy/kit/admission';
import { createLifecycle } from '@loan-buddy/kit/server';
import { publicOnly } from '../src/client/public-address';
import { createWebClient } from '../src/client/web-client';
import { recordingLogger } from '@loan-buddy/kit/testing';
import { createApp } from '../src/app';
import type { Database } from '../src/db/database';
import { createEventLog } from '../src/events/event-log';
import { createAskProviders } from '../src/catalogue/ask-providers';
import { breakerGauge, openOrderGauges } from '../src/gauges';
import { createFindOffer } from '../src/catalogue/find-offer';
import { createCachedProvider } from '../src/catalogue/cached-provider';
import { createListOffers } from '../src/catalogue/list-offers';
import type { Offer } from '../src/domain/offer';
import type { Provider } from '../src/catalogue/provider';
import { defaultMocks } from '../src/catalogue/providers/mock-provider';
import { createProviders, providersSchema } from '../src/catalogue/providers/provider-config';
import { createNotification, WEBHOOK_CONCURRENCY } from '../src/notification';
import type { SendEmail } from '../src/email/send-email';
import { createAwaitOrder } from '../src/orders/await-order';
import { createCheckout, type CheckoutMode } from '../src/orders/checkout';
import { newOrderId, type Order } from '../src/domain/order';
import { createIdempotencyStore } from '../src/orders/idempotency';
import { createOrderFeed, type OrderFeed } from '../src/events/order-feed';
import { createOrderStore, type OrderStore } from '../src/orders/order-store';
import type { BreakerState } from '../src/approval/payment-breaker';
import type { AskForDecision } from '../src/approval/payment-client';
import { createAttemptDecision } from '../src/approval/attempt-decision';
import { useDatabase } from './database';

/** Deadline for tests that are not about deadlines: only a hang reaches it. */
const AMPLE_MS = 60_000;

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

/** The three mocks, with changes by name. */
export function threeMocks(
  changes: Partial<Record<string, Partial<(typeof defaultMocks)[number]>>> = {},
  timeoutMs = AMPLE_MS,
): Provider[] {
  const entries = defaultMocks.map((mock) => ({ ...mock, ...changes[mock.name] }));
  return providersFrom(entries, timeoutMs);
}

/** Creates providers as from an operator's configuration, also on private addresses. */
export function providersFrom(entries: readonly object[], timeoutMs = AMPLE_MS): Provider[] {
  const listed = providersSchema.parse({ providers: entries });
  const { logger } = recordingLogger();
  return createProviders(listed, { timeoutMs, allowPrivate: true, logger }).providers;
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

interface Parts {
  /** Overrides of the order store. */
  orders?: Partial<OrderStore>;
  providers?: Provider[];
  timeoutMs?: number;
  /** How long provider results are fresh, in milliseconds; 0 by default. */
  ttlMs?: number;
  /** Consecutive failures after which a provider's circuit opens. */
  failures?: number;
  maxAgeMs?: number;
  askForDecision?: AskForDecision;
  checkoutMode?: CheckoutMode;
  /** Wakes the decision worker; does nothing by default. */
  wake?: () => void;
  notification?: NotificationParts;
  breakerState?: () => BreakerState | undefined;
  /** Authentication and quotas; by default, every request is admitted. */
  admission?: Admission;
  trustedProxies?: number;
}

interface NotificationParts {
  /** Whether receivers may have private addresses, as in tests. */
  allowPrivate?: boolean;
  timeoutMs?: number;
  delaysMs?: readonly number[];
  sendEmail?: SendEmail;
  graceMs?: number;
  retentionMs?: number;
}

/** Notification as in main.ts, not started, with short delays. */
export function aNotification(database: Database, parts: NotificationParts = {}) {
  const { allowPrivate = true, timeoutMs = AMPLE_MS, delaysMs = [0, 1, 1], graceMs = 1000 } = parts;
  const { retentionMs = 60_000 } = parts;
  const { logger, lines } = recordingLogger();
  const client = createWebClient({
    userAgent: 'test/1',
    maxResponseBytes: 1000,
    maxRedirects: 0,
    guard: allowPrivate ? undefined : publicOnly,
    connections: WEBHOOK_CONCURRENCY,
  });
  const notification = createNotification({
    db: database.db,
    client,
    timeoutMs,
    sendEmail: parts.sendEmail,
    delaysMs,
    retentionMs,
    leaseMarginMs: 60_000,
    pollMs: 20,
    graceMs,
    allowPrivate,
    logger,
  });
  return { ...notification, lines, client };
}

/** An order feed on a database, for the tests of one file. */
export function useFeed(database: () => Database): () => OrderFeed {
  let feed: OrderFeed;
  beforeAll(async () => {
    const { db, listen } = database();
    feed = await createOrderFeed({ listen, log: createEventLog(db) });
  });
  afterAll(() => feed.close());
  return () => feed;
}

/** The whole service with the given parts, on a database for the tests of one file. */
export function useService() {
  const database = useDatabase();
  const feed = useFeed(database);
  const clients: { close: () => Promise<void> }[] = [];
  afterAll(async () => {
    for (const { close } of clients) await close();
  });
  return (parts: Parts = {}) => {
    const { client, ...service } = serviceOn({ database: database(), feed: feed() }, parts);
    clients.push(client);
    return service;
  };
}

/** The whole service as in main.ts, except for the breaker and the decision worker. The caller closes its client. */
export function serviceOn(
  { database, feed }: { database: Database; feed: OrderFeed },
  parts: Parts = {},
) {
  const {
    providers = threeMocks(),
    timeoutMs = AMPLE_MS,
    ttlMs = 0,
    maxAgeMs = ttlMs,
    failures = 5,
    askForDecision = () => Promise.resolve('APPROVED'),
  } = parts;
  const { logger, lines } = recordingLogger();
  const { db } = database;
  const orders = { ...createOrderStore(db), ...parts.orders };
  const policy = { attempts: 3, baseMs: 1000, capMs: 60_000 };
  const attemptDecision = createAttemptDecision({ orders, askForDecision, policy, logger });
  const asked = providers.map((provider) =>
    createCachedProvider(provider, { ttlMs, maxAgeMs, failures, openMs: 5000, logger }),
  );
  const offerParts = {
    providers: asked,
    askProviders: createAskProviders({ timeoutMs }),
    aprType: 'eu-effective',
  } as const;
  const findOffer = createFindOffer(offerParts);
  const awaitOrder = createAwaitOrder({ orders, feed });
  const wake = parts.wake ?? (() => undefined);
  const { client, ...notification } = aNotification(database, parts.notification);
  const approval = { attemptDecision, leaseMs: 60_000, dueInMs: 60_000, wake };
  const app = createApp({
    logger,
    lifecycle: createLifecycle(),
    ...(parts.admission && { admission: parts.admission }),
    trustedProxies: parts.trustedProxies ?? 0,
    listOffers: createListOffers(offerParts),
    providerNames: providers.map(({ name }) => name),
    findOffer,
    orders,
    checkout: createCheckout({ findOffer, orders, approval, awaitOrder, logger }),
    checkoutMode: parts.checkoutMode ?? 'sync',
    awaitOrder,
    feed,
    idempotency: createIdempotencyStore(db),
    idempotencyTtlMs: 3_600_000,
    decisionWorker: { wake },
    notification,
    readinessDetail: () => Promise.resolve({ database: 'ok' }),
    gaugeSources: [openOrderGauges(orders), breakerGauge(parts.breakerState ?? (() => 'closed'))],
  });
  return { app, db, orders, attemptDecision, feed, notification, lines, client };
}
