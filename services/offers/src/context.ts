// Long, because everything is built in one place.
import type { Admission } from '@loan-buddy/kit/admission';
import { createPublishEvent, openConfiguredBus, type MessageBus } from '@loan-buddy/kit/messaging';
import { createLifecycle } from '@loan-buddy/kit/server';
import { createServiceLogger, type Logger } from '@loan-buddy/kit/telemetry';
import { createAddUsage } from './admission/rate-limit-usage';
import { createUserAdmission } from './admission/user-admission';
import { createHttpApproval } from './approval/http-approval';
import { createBreakerGauge } from './approval/payment-breaker';
import type { AskForDecision } from './approval/payment-client';
import { createPubSubApproval } from './approval/pubsub-approval';
import { createCachedProvider } from './catalogue/cached-provider';
import { createFindOffer } from './catalogue/find-offer';
import { createListOffers } from './catalogue/list-offers';
import type { Provider } from './catalogue/provider';
import { createProviders, defaultProviders } from './catalogue/providers/provider-config';
import type { Config } from './config';
import { attemptDelaysMs } from './db/backoff';
import { openDatabase, type Database, type DatabaseOptions } from './db/database';
import { migrate } from './db/migrate';
import { createPoolGauges } from './db/measured-pool';
import { createQueueGauges } from './db/queue-gauges';
import { startSweeps } from './db/sweep';
import { DATABASE_WAIT_MS } from './db/wait-for-server';
import { createEmails } from './email/emails';
import { createSendEmail, type SendEmail } from './email/send-email';
import type { OrderEvent } from './domain/order-event';
import { createEventLog, type EventLog } from './events/event-log';
import { createOrderFeed, type OrderFeed } from './events/order-feed';
import { createEventPublisher } from './events/publish-events';
import { createAwaitOrder } from './orders/await-order';
import { createCheckout } from './orders/checkout';
import { createEraseUser } from './orders/erase-user';
import { createIdempotencyStore } from './orders/idempotency';
import { createOrderGauges } from './orders/order-gauges';
import { countCheckouts, observeDecision } from './orders/order-metrics';
import { createOrderStore, type OrderStore } from './orders/order-store';
import { createWebhooks } from './webhooks/webhooks';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Added to each lease, in case the machine stalls: outside calls and statements, an attempt takes almost no time. */
const LEASE_MARGIN_MS = 1000;
/** Maximum silence of the SMTP server. */
const SMTP_TIMEOUT_MS = 30_000;

/** What a context is built on. It does not close these. */
export interface Resources {
  logger: Logger;
  database: Database;
  feed: OrderFeed;
  /** Undefined if the configuration uses no Pub/Sub. */
  bus: MessageBus | undefined;
}

/** What a test may replace. */
export interface Overrides {
  orders?: Partial<OrderStore>;
  providers?: readonly Provider[];
  askForDecision?: AskForDecision;
  sendEmail?: SendEmail;
  admission?: Admission;
  /** Pause before each attempt to send a webhook or an e-mail. */
  delaysMs?: readonly number[];
  /** How often to look for webhooks and e-mails to send. */
  pollMs?: number;
}

/** Everything that the endpoints and the process use. */
export type Context = ReturnType<typeof createContext>;

/**
 * Builds everything of offers from its configuration: the one place to add a dependency. No worker runs before
 * `start`. `stop` ends the waiting requests and the workers; `close`, after that, the connections.
 */
export function createContext(config: Config, parts: Resources & Overrides) {
  const { logger, database, feed, bus } = parts;
  const { delaysMs = attemptDelaysMs, pollMs } = parts;
  const { db } = database;
  // One wait for a connection and two statements.
  const statementsMs = 3 * config.DATABASE_TIMEOUT_MS + LEASE_MARGIN_MS;

  const orders: OrderStore = {
    ...createOrderStore(db, {
      onDecided: (order) => {
        const { id: orderId, status } = order;
        observeDecision(order);
        logger.info({ orderId, status }, 'order decided');
      },
    }),
    ...parts.orders,
  };
  const idempotency = createIdempotencyStore(db);
  const log = createEventLog(db);
  const awaitOrder = createAwaitOrder({ orders, feed });

  const configured = openProviders(config, logger);
  const providers = (parts.providers ?? configured.providers).map((provider) =>
    createCachedProvider(provider, {
      ttlMs: config.OFFERS_TTL_MS,
      maxAgeMs: Math.max(config.OFFERS_TTL_MS, config.OFFERS_MAX_AGE_MS),
      failures: config.BREAKER_FAILURES,
      openMs: config.BREAKER_OPEN_MS,
      waitMs: config.PROVIDER_TIMEOUT_MS,
      logger,
    }),
  );
  const catalogue = { providers, aprType: config.APR_TYPE };
  const findOffer = createFindOffer(catalogue);

  const retries = { attempts: config.RETRY_ATTEMPTS, capMs: config.RETRY_CAP_MS };
  const common = { statementsMs, orders, logger };
  const approvals =
    bus && config.APPROVAL_TRANSPORT === 'pubsub'
      ? createPubSubApproval({
          bus,
          topic: config.PUBSUB_CHECKOUTS_TOPIC,
          subscription: config.PUBSUB_DECISIONS_SUBSCRIPTION,
          waitMs: config.CONFIRM_PAYMENT_TIMEOUT_MS,
          policy: {
            ...retries,
            baseMs: config.DECISION_TIMEOUT_MS,
            capMs: Math.max(config.DECISION_TIMEOUT_MS, config.RETRY_CAP_MS),
          },
          log,
          awaitOrder,
          ...common,
        })
      : createHttpApproval({
          baseUrl: config.CONFIRM_PAYMENT_URL,
          timeoutMs: config.CONFIRM_PAYMENT_TIMEOUT_MS,
          secrets: config.SERVICE_AUTH_SECRETS,
          askForDecision: parts.askForDecision,
          failures: config.BREAKER_FAILURES,
          openMs: config.BREAKER_OPEN_MS,
          policy: { ...retries, baseMs: config.RETRY_BASE_MS },
          ...common,
        });
  const { approval, decisionWorker, breakerState } = approvals;
  const publish =
    bus && config.EVENT_BUS === 'pubsub'
      ? createPublishEvent<OrderEvent>(bus, config.PUBSUB_EVENTS_TOPIC)
      : undefined;
  const publisher = publish && createEventPublisher({ log, publish, logger });

  const sending = {
    db,
    delaysMs,
    pollMs,
    retentionMs: config.NOTIFICATION_RETENTION_DAYS * DAY_MS,
    // The other half is for the rest of the shutdown.
    graceMs: Math.floor(config.SHUTDOWN_TIMEOUT_MS / 2),
    logger,
  };
  const webhooks = createWebhooks({
    ...sending,
    allowPrivate: config.ALLOW_PRIVATE_WEBHOOKS,
    timeoutMs: config.WEBHOOK_TIMEOUT_MS,
    statementsMs,
  });
  const emails = createEmails({ ...sending, send: parts.sendEmail ?? openSmtp(config) });

  const addUsage = database.isShared ? createAddUsage(db, logger) : undefined;
  const users = createUserAdmission(config, { addUsage, logger });
  const eventsMs = config.EVENT_RETENTION_DAYS * DAY_MS;
  const eventSweep = {
    rows: 'events',
    sweep: (signal: AbortSignal) => log.sweep(eventsMs, publisher !== undefined, signal),
  };
  const sweeps = [
    { rows: 'idempotency keys', sweep: idempotency.sweep },
    ...webhooks.sweeps,
    ...emails.sweeps,
    ...(eventsMs > 0 ? [eventSweep] : []),
  ];
  const workers = [decisionWorker, publisher, webhooks, emails.worker];
  let stopSweeping = () => Promise.resolve();

  return {
    logger,
    lifecycle: createLifecycle(),
    admission: parts.admission ?? users.admission,
    trustedProxies: config.TRUST_PROXY,
    corsOrigins: config.CORS_ORIGINS,
    hasPage: config.PAGE === 'on',
    db,
    orders,
    idempotency,
    idempotencyTtlMs: config.IDEMPOTENCY_TTL_HOURS * HOUR_MS,
    log,
    feed,
    awaitOrder,
    providerNames: providers.map(({ name }) => name),
    findOffer,
    listOffers: createListOffers(catalogue),
    approval,
    decisionWorker,
    checkout: countCheckouts(createCheckout({ findOffer, orders, approval, awaitOrder, logger })),
    checkoutMode: config.CHECKOUT_MODE,
    eraseUser: createEraseUser(database),
    withEventLog: <Result>(work: (log: EventLog) => Promise<Result>) =>
      database.withoutStatementTimeout((own) => work(createEventLog(own))),
    webhooks,
    emails,
    isReady: () => users.keys?.isReady() ?? true,
    sweeps,
    readinessDetail: async () => ({
      ...(users.keys && { token_keys: users.keys.state() }),
      confirm_payment: breakerState() ?? 'asked over Pub/Sub',
      database: await database.ping().then(
        () => 'ok',
        () => 'unavailable',
      ),
    }),
    gaugeSources: [
      // First: the others use the database.
      createPoolGauges(database.poolUse),
      createOrderGauges(orders),
      createBreakerGauge(breakerState),
      createQueueGauges(db, [
        ...(['orders', 'webhooks'] as const),
        ...(emails.worker ? (['emails'] as const) : []),
        ...(publisher ? (['events'] as const) : []),
      ]),
    ],

    start: () => {
      for (const worker of workers) worker?.start();
      stopSweeping = startSweeps(sweeps, logger);
    },
    stop: async () => {
      await Promise.all([stopSweeping(), ...workers.map((worker) => worker?.stop())]);
    },
    close: async () => {
      const opened = [approvals, configured, webhooks, users];
      await Promise.all(opened.map(({ close }) => close()));
    },
  };
}

/**
 * Opens what the configuration names, and builds the context on it. Asks all providers once to warm the cache: the
 * first responses of banks are slow.
 *
 * @throws {StartError} if something cannot be opened; what was already open is closed.
 */
export async function openContext(
  config: Config,
  overrides: Overrides & Partial<Pick<Resources, 'logger'>> = {},
): Promise<Context> {
  const { logger = createServiceLogger('offers', config) } = overrides;
  const options = { ...config, waitMs: DATABASE_WAIT_MS };
  const { database, migrated } = await openMigratedDatabase(options, logger);
  if (migrated.length > 0) logger.info({ migrated }, 'database migrated');
  const { db, listen } = database;
  const closers = [database.close];
  const close = async () => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  try {
    const feed = await createOrderFeed({ listen, log: createEventLog(db) });
    closers.push(feed.close);
    const bus = await openBus(config, logger);
    if (bus) closers.push(bus.close);
    const context = createContext(config, { ...overrides, logger, database, feed, bus });
    closers.push(context.close);
    void context.listOffers({ sort: 'rate', order: 'asc' });
    const stop = async () => {
      await Promise.all([feed.close(), context.stop()]);
    };
    return { ...context, stop, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Opens the database, and brings its schema up to date. */
export async function openMigratedDatabase(config: DatabaseOptions, logger: Logger) {
  const database = await openDatabase(config, logger);
  try {
    const migrated = await database.withoutStatementTimeout((db) => migrate(db));
    return { database, migrated };
  } catch (error) {
    await database.close();
    throw error;
  }
}

export function openProviders(
  config: Pick<Config, 'PROVIDERS_FILE' | 'PROVIDER_TIMEOUT_MS' | 'ALLOW_PRIVATE_PROVIDERS'>,
  logger: Logger,
) {
  return createProviders(config.PROVIDERS_FILE ?? defaultProviders, {
    timeoutMs: config.PROVIDER_TIMEOUT_MS,
    allowPrivate: config.ALLOW_PRIVATE_PROVIDERS,
    logger,
  });
}

/** Undefined if no SMTP server is configured. */
function openSmtp({ SMTP_URL: url, SMTP_FROM: from }: Config): SendEmail | undefined {
  if (url === undefined || from === undefined) return undefined;
  return createSendEmail({ url, from, timeoutMs: SMTP_TIMEOUT_MS });
}

/**
 * Connects to the Pub/Sub resources that the configuration uses; returns undefined if it uses none.
 *
 * @throws {MessageBusStartError} naming what is missing there.
 */
async function openBus(config: Config, logger: Logger): Promise<MessageBus | undefined> {
  const decides = config.APPROVAL_TRANSPORT === 'pubsub';
  const publishes = config.EVENT_BUS === 'pubsub';
  if (!decides && !publishes) return undefined;
  const decisions = {
    name: config.PUBSUB_DECISIONS_SUBSCRIPTION,
    topic: config.PUBSUB_DECISIONS_TOPIC,
    deadLetterTopic: config.PUBSUB_DEAD_LETTER_TOPIC,
    maxDeliveries: config.PUBSUB_MAX_DELIVERIES,
  };
  const topics = [
    ...(decides ? [config.PUBSUB_CHECKOUTS_TOPIC] : []),
    ...(publishes ? [config.PUBSUB_EVENTS_TOPIC] : []),
  ];
  return openConfiguredBus(config, { topics, subscriptions: decides ? [decisions] : [] }, logger);
}
