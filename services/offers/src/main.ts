import { createPublishEvent } from '@loan-buddy/kit/messaging';
import { runProcess } from '@loan-buddy/kit/process';
import { createLifecycle, serve } from '@loan-buddy/kit/server';
import { createLogger } from '@loan-buddy/kit/telemetry';
import { createApp } from './app';
import { readConfig } from './config';
import { openDatabase } from './db/database';
import { startSweeps } from './db/sweep';
import { migrate } from './db/migrate';
import { createEventLog } from './events/event-log';
import { createAddUsage } from './admission/rate-limit-usage';
import { openAdmission } from './open-admission';
import { openHttpApproval, openPubSubApproval } from './open-approval';
import { openBus } from './open-bus';
import { openNotification } from './open-notification';
import { createEventPublisher } from './events/publish-events';
import { breakerGauge, openOrderGauges } from './gauges';
import { createAskProviders } from './catalogue/ask-providers';
import { createCachedProvider } from './catalogue/cached-provider';
import { createFindOffer } from './catalogue/find-offer';
import { createListOffers } from './catalogue/list-offers';
import { createProviders, defaultProviders } from './catalogue/providers/provider-config';
import { createAwaitOrder } from './orders/await-order';
import { createCheckout } from './orders/checkout';
import { createIdempotencyStore } from './orders/idempotency';
import { createOrderFeed } from './events/order-feed';
import { createOrderStore } from './orders/order-store';

void runProcess('offers', async () => {
  const config = readConfig(process.env);
  const logger = createLogger({ service: 'offers', level: config.LOG_LEVEL });
  const lifecycle = createLifecycle();

  const database = await openDatabase(config, logger);
  const migrated = await database.withoutStatementTimeout((db) => migrate(db));
  if (migrated.length > 0) logger.info({ migrated }, 'database migrated');
  const orders = createOrderStore(database.db, {
    onDecided: ({ id: orderId, status }) => {
      logger.info({ orderId, status }, 'order decided');
    },
  });
  const idempotency = createIdempotencyStore(database.db);

  const log = createEventLog(database.db);
  const feed = await createOrderFeed({ listen: database.listen, log });
  const awaitOrder = createAwaitOrder({ orders, feed });

  const bus = await openBus(config, logger);
  const publisher =
    bus && config.EVENT_BUS === 'pubsub'
      ? createEventPublisher({
          log,
          publish: createPublishEvent(bus, config.PUBSUB_EVENTS_TOPIC),
          logger,
        })
      : undefined;
  const { approval, decisionWorker, ...decisions } =
    bus && config.APPROVAL_TRANSPORT === 'pubsub'
      ? openPubSubApproval({ config, orders, logger, bus, log, awaitOrder })
      : openHttpApproval({ config, orders, logger });

  const notification = openNotification({ config, db: database.db, logger });

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
  // Warm the cache: the first responses of banks are slow.
  void listOffers({ sort: 'rate', order: 'asc' });
  const admitting = openAdmission({
    config,
    addUsage: database.isShared ? createAddUsage(database.db, logger) : undefined,
    logger,
  });
  const app = createApp({
    logger,
    lifecycle,
    admission: admitting.admission,
    trustedProxies: config.TRUST_PROXY,
    listOffers,
    providerNames: providers.map(({ name }) => name),
    findOffer,
    checkout: createCheckout({ findOffer, orders, approval, awaitOrder, logger }),
    checkoutMode: config.CHECKOUT_MODE,
    orders,
    awaitOrder,
    feed,
    idempotency,
    idempotencyTtlMs: config.IDEMPOTENCY_TTL_HOURS * 3_600_000,
    decisionWorker,
    notification,
    readinessDetail: async () => ({
      confirm_payment: decisions.breakerState() ?? 'asked over Pub/Sub',
      database: await database.ping().then(
        () => 'ok',
        () => 'unavailable',
      ),
    }),
    gaugeSources: [openOrderGauges(orders), breakerGauge(decisions.breakerState)],
  });
  const server = await serve({ app, lifecycle, logger, config });
  decisionWorker.start();
  publisher?.start();
  notification.start();
  const stopSweeping = startSweeps(
    [{ rows: 'idempotency keys', sweep: idempotency.sweep }, ...notification.sweeps],
    logger,
  );
  return {
    logger,
    shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    close: async () => {
      const swept = stopSweeping();
      const workers = [decisionWorker, publisher, notification];
      const stopped = [swept, ...workers.map((each) => each?.stop())];
      await Promise.all([feed.close(), server.close(), ...stopped]);
      await Promise.all([bus?.close(), decisions.close(), opened.close(), admitting.close()]);
      await database.close();
    },
  };
});
