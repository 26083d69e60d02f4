import { recordingLogger } from '@loan-buddy/kit/testing';
import { createApp } from '../src/app';
import type { Provider } from '../src/catalogue/provider';
import { defaultMocks } from '../src/catalogue/providers/mock-provider';
import { createProviders, providersSchema } from '../src/catalogue/providers/provider-config';
import { readConfig, type Config } from '../src/config';
import { createContext, type Overrides, type Resources } from '../src/context';
import { createEventLog } from '../src/events/event-log';
import { createOrderFeed, type OrderFeed } from '../src/events/order-feed';
import { AMPLE_MS } from './builders';
import { useDatabase } from './database';

/** The three mocks, with changes by name, created as from an operator's configuration. */
export function threeMocks(
  changes: Partial<Record<string, Partial<(typeof defaultMocks)[number]>>> = {},
  timeoutMs = AMPLE_MS,
): Provider[] {
  const providers = defaultMocks.map((mock) => ({ ...mock, ...changes[mock.name] }));
  const listed = providersSchema.parse({ providers });
  const { logger } = recordingLogger();
  return createProviders(listed, { timeoutMs, allowPrivate: false, logger }).providers;
}

/** Ample deadlines, no cache, and receivers on this machine. */
const testConfig: Config = {
  ...readConfig({}),
  CONFIRM_PAYMENT_TIMEOUT_MS: AMPLE_MS,
  DATABASE_TIMEOUT_MS: AMPLE_MS,
  PROVIDER_TIMEOUT_MS: AMPLE_MS,
  WEBHOOK_TIMEOUT_MS: AMPLE_MS,
  OFFERS_TTL_MS: 0,
  OFFERS_MAX_AGE_MS: 0,
  RETRY_ATTEMPTS: 3,
  ALLOW_PRIVATE_WEBHOOKS: true,
  SHUTDOWN_TIMEOUT_MS: 2000,
};

/** Changes to the configuration, and other parts. */
export type Parts = Partial<Config> & Overrides & Partial<Pick<Resources, 'bus'>>;

/** The whole service on a database and a feed, without a listener. confirm-payment approves every order. */
export function serviceOn(resources: Pick<Resources, 'database' | 'feed'>, parts: Parts = {}) {
  const { logger, lines } = recordingLogger();
  const context = createContext(
    { ...testConfig, ...parts },
    {
      ...resources,
      logger,
      bus: undefined,
      askForDecision: () => Promise.resolve('APPROVED'),
      delaysMs: [0, 1, 1],
      pollMs: 20,
      ...parts,
    },
  );
  return { ...context, app: createApp(context), lines };
}

/** The whole service with the given parts, on a database for the tests of one file. Its workers are not started. */
export function useService(database = useDatabase()) {
  let feed: OrderFeed;
  const services: Pick<ReturnType<typeof serviceOn>, 'stop' | 'close'>[] = [];
  beforeAll(async () => {
    const { db, listen } = database();
    feed = await createOrderFeed({ listen, log: createEventLog(db) });
  });
  afterAll(async () => {
    for (const { stop, close } of services) {
      await stop();
      await close();
    }
    await feed.close();
  });
  return (parts: Parts = {}) => {
    const service = serviceOn({ database: database(), feed }, parts);
    services.push(service);
    return service;
  };
}
