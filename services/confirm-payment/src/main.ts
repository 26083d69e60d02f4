import { createAdmission, createServiceTokenVerifier } from '@loan-buddy/kit/admission';
import { createPublishEvent, openConfiguredBus, type MessageBus } from '@loan-buddy/kit/messaging';
import { runProcess } from '@loan-buddy/kit/process';
import { createLifecycle, serve } from '@loan-buddy/kit/server';
import { createLogger, type Logger } from '@loan-buddy/kit/telemetry';
import { createApp } from './app';
import { readConfig, type Config } from './config';
import { decide } from './decide';
import { createDecideCheckout } from './decide-checkout';
import { createInjectFault } from './inject-fault';

/** How many orders are decided at the same time. */
const MAX_CHECKOUTS = 100;

void runProcess('confirm-payment', async () => {
  const config = readConfig(process.env);
  const logger = createLogger({ service: 'confirm-payment', level: config.LOG_LEVEL });
  const lifecycle = createLifecycle();
  const decisionMaker = {
    decide: (amount: number) => decide(amount, config.APPROVAL_THRESHOLD),
    injectFault: createInjectFault({
      latencyMs: config.SIMULATED_LATENCY_MS,
      failureRate: config.SIMULATED_FAILURE_RATE,
    }),
  };
  const bus = await openBus(config, logger);
  const { SERVICE_AUTH_SECRETS: secrets } = config;
  const admission = createAdmission({
    verifyToken:
      secrets &&
      createServiceTokenVerifier(secrets, { issuer: 'offers', audience: 'confirm-payment' }),
    maxConcurrent: config.MAX_CONCURRENT_REQUESTS,
  });
  const app = createApp({ logger, lifecycle, admission, ...decisionMaker });
  const server = await serve({ app, lifecycle, logger, config });
  bus?.subscribe(config.PUBSUB_CHECKOUTS_SUBSCRIPTION, {
    maxMessages: MAX_CHECKOUTS,
    handle: createDecideCheckout({
      ...decisionMaker,
      publish: createPublishEvent(bus, config.PUBSUB_DECISIONS_TOPIC),
    }),
  });
  return {
    logger,
    shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    close: async () => {
      await Promise.all([server.close(), bus?.close()]);
    },
  };
});

/** Connects to Pub/Sub if orders come from there. */
async function openBus(config: Config, logger: Logger): Promise<MessageBus | undefined> {
  if (config.APPROVAL_TRANSPORT === 'http') return undefined;
  const plan = {
    topics: [config.PUBSUB_DECISIONS_TOPIC],
    subscriptions: [
      {
        name: config.PUBSUB_CHECKOUTS_SUBSCRIPTION,
        topic: config.PUBSUB_CHECKOUTS_TOPIC,
        deadLetterTopic: config.PUBSUB_DEAD_LETTER_TOPIC,
        maxDeliveries: config.PUBSUB_MAX_DELIVERIES,
      },
    ],
  };
  return openConfiguredBus(config, plan, logger);
}
