import { createAdmission, createServiceTokenVerifier } from '@loan-buddy/kit/admission';
import { createPublishEvent, openConfiguredBus, type MessageBus } from '@loan-buddy/kit/messaging';
import { createLifecycle } from '@loan-buddy/kit/server';
import { createServiceLogger, type Logger } from '@loan-buddy/kit/telemetry';
import type { Config } from './config';
import { decide } from './decide';
import { createDecideCheckout } from './decide-checkout';
import { createInjectFault } from './inject-fault';

/** How many orders are decided at the same time. */
const MAX_CHECKOUTS = 100;

export type Context = ReturnType<typeof createContext>;

/** Builds everything from the configuration. Takes orders from the bus, if there is one, after `start`. */
export function createContext(
  config: Config,
  { logger, bus }: { logger: Logger; bus: MessageBus | undefined },
) {
  const { SERVICE_AUTH_SECRETS: secrets } = config;
  const parties = { issuer: 'offers', audience: 'confirm-payment' };
  const decisionMaker = {
    decide: (amount: number) => decide(amount, config.APPROVAL_THRESHOLD),
    injectFault: createInjectFault({
      latencyMs: config.SIMULATED_LATENCY_MS,
      failureRate: config.SIMULATED_FAILURE_RATE,
    }),
  };
  return {
    logger,
    lifecycle: createLifecycle(),
    admission: createAdmission({
      verifyToken: secrets && createServiceTokenVerifier(secrets, parties),
      maxConcurrent: config.MAX_CONCURRENT_REQUESTS,
    }),
    ...decisionMaker,
    start: () => {
      bus?.subscribe(config.PUBSUB_CHECKOUTS_SUBSCRIPTION, {
        maxMessages: MAX_CHECKOUTS,
        handle: createDecideCheckout({
          ...decisionMaker,
          publish: createPublishEvent(bus, config.PUBSUB_DECISIONS_TOPIC),
        }),
      });
    },
    stop: async () => {
      await bus?.close();
    },
  };
}

/** @throws {MessageBusStartError} naming what is missing in Pub/Sub. */
export async function openContext(config: Config): Promise<Context> {
  const logger = createServiceLogger('confirm-payment', config);
  if (config.APPROVAL_TRANSPORT === 'http')
    return createContext(config, { logger, bus: undefined });
  const checkouts = {
    name: config.PUBSUB_CHECKOUTS_SUBSCRIPTION,
    topic: config.PUBSUB_CHECKOUTS_TOPIC,
    deadLetterTopic: config.PUBSUB_DEAD_LETTER_TOPIC,
    maxDeliveries: config.PUBSUB_MAX_DELIVERIES,
  };
  const plan = { topics: [config.PUBSUB_DECISIONS_TOPIC], subscriptions: [checkouts] };
  return createContext(config, { logger, bus: await openConfiguredBus(config, plan, logger) });
}
