import {
  createHttpClient,
  createLifecycle,
  createLogger,
  runProcess,
  serve,
} from '@loan-buddy/kit';
import { createApp } from './app';
import { readConfig } from './config';
import { openDatabase } from './db/database';
import { migrate } from './db/migrate';
import { createAskProviders } from './offers/ask-providers';
import { createCachedProvider } from './offers/cached-provider';
import { createFindOffer } from './offers/find-offer';
import { createListOffers } from './offers/list-offers';
import { createProviders, defaultProviders } from './offers/providers/provider-config';
import { createCheckout } from './orders/checkout';
import { createIdempotencyStore, keepSweeping } from './orders/idempotency';
import { createOrderStore } from './orders/order-store';
import { createPaymentBreaker } from './orders/payment-breaker';
import { createPaymentClient, MAX_DECISION_BYTES } from './orders/payment-client';
import { createRetryWorker } from './orders/retry-worker';
import { createSettleOrder } from './orders/settle-order';

/** What a settling takes besides its call and its statements: nothing on a machine that breathes. */
const LEASE_MARGIN_MS = 1000;

void runProcess('offers', async () => {
  const config = readConfig(process.env);
  const logger = createLogger({ service: 'offers', level: config.LOG_LEVEL });
  const lifecycle = createLifecycle();

  const database = await openDatabase(config, logger);
  const migrated = await database.unhurried((db) => migrate(db));
  if (migrated.length > 0) logger.info({ migrated }, 'database migrated');
  const orders = createOrderStore(database.db);
  const idempotency = createIdempotencyStore(database.db);

  const client = createHttpClient({
    baseUrl: config.CONFIRM_PAYMENT_URL,
    timeoutMs: config.CONFIRM_PAYMENT_TIMEOUT_MS,
    maxResponseBytes: MAX_DECISION_BYTES,
  });
  const breaker = createPaymentBreaker({
    askForDecision: createPaymentClient(client),
    failures: config.BREAKER_FAILURES,
    openMs: config.BREAKER_OPEN_MS,
    logger,
  });
  const settleOrder = createSettleOrder({
    orders,
    askForDecision: breaker.askForDecision,
    policy: {
      attempts: config.RETRY_ATTEMPTS,
      baseMs: config.RETRY_BASE_MS,
      capMs: config.RETRY_CAP_MS,
    },
    logger,
  });
  // One call, one wait for a connection, two statements: a settling that takes longer than this has died.
  const leaseMs =
    config.CONFIRM_PAYMENT_TIMEOUT_MS + 3 * config.DATABASE_TIMEOUT_MS + LEASE_MARGIN_MS;
  const retryWorker = createRetryWorker({ orders, settleOrder, breaker, leaseMs, logger });
  breaker.onClosed(retryWorker.wake);

  const opened = createProviders(config.PROVIDERS_FILE ?? defaultProviders, {
    timeoutMs: config.PROVIDER_TIMEOUT_MS,
    allowPrivate: config.ALLOW_PRIVATE_PROVIDERS,
    logger,
  });
  const providers = opened.providers.map((provider) =>
    createCachedProvider(provider, {
      ttlMs: config.OFFERS_TTL_MS,
      maxAgeMs: Math.max(config.OFFERS_TTL_MS, config.OFFERS_MAX_AGE_MS),
      failures: config.BREAKER_FAILURES,
      openMs: config.BREAKER_OPEN_MS,
      logger,
    }),
  );
  const askProviders = createAskProviders({ timeoutMs: config.PROVIDER_TIMEOUT_MS });
  const aprType = config.APR_TYPE;
  const findOffer = createFindOffer({ providers, askProviders, aprType });
  const listOffers = createListOffers({ providers, askProviders, aprType });
  // Banks take their time the first time: they get it before anybody waits.
  void listOffers({ sort: 'rate', order: 'asc' });
  const app = createApp({
    logger,
    lifecycle,
    listOffers,
    providerNames: providers.map(({ name }) => name),
    findOffer,
    checkout: createCheckout({ findOffer, orders, settleOrder, leaseMs, logger }),
    orders,
    idempotency,
    idempotencyTtlMs: config.IDEMPOTENCY_TTL_HOURS * 3_600_000,
    retryWorker,
    readinessDetail: async () => ({
      confirm_payment: breaker.state(),
      database: await database.ping().then(
        () => 'ok',
        () => 'unavailable',
      ),
    }),
  });
  const server = await serve({ app, lifecycle, logger, config });
  retryWorker.start();
  const stopSweeping = keepSweeping(idempotency, logger);
  return {
    logger,
    shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    close: async () => {
      stopSweeping();
      await Promise.all([server.close(), retryWorker.stop()]);
      await Promise.all([client.close(), opened.close()]);
      await database.close();
    },
  };
});
