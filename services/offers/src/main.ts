import {
  createHttpClient,
  createLifecycle,
  createLogger,
  runProcess,
  serve,
} from '@loan-buddy/kit';
import { createApp } from './app';
import { readConfig } from './config';
import { createAskProviders } from './offers/ask-providers';
import { createFindOffer } from './offers/find-offer';
import { createListOffers } from './offers/list-offers';
import { createProviders } from './offers/providers/provider-config';
import { createCheckout } from './orders/checkout';
import { createMemoryOrderStore } from './orders/order-store';
import { createPaymentClient, MAX_DECISION_BYTES } from './orders/payment-client';

void runProcess('offers', async () => {
  const config = readConfig(process.env);
  const logger = createLogger({ service: 'offers', level: config.LOG_LEVEL });
  const lifecycle = createLifecycle();
  const providers = createProviders(config.PROVIDERS_FILE);
  const client = createHttpClient({
    baseUrl: config.CONFIRM_PAYMENT_URL,
    timeoutMs: config.CONFIRM_PAYMENT_TIMEOUT_MS,
    maxResponseBytes: MAX_DECISION_BYTES,
  });
  const orders = createMemoryOrderStore();
  const askProviders = createAskProviders({ timeoutMs: config.PROVIDER_TIMEOUT_MS, logger });
  const findOffer = createFindOffer({ providers, askProviders });
  const app = createApp({
    logger,
    lifecycle,
    listOffers: createListOffers({ providers, askProviders }),
    findOffer,
    orders,
    checkout: createCheckout({
      findOffer,
      orders,
      askForDecision: createPaymentClient(client),
      logger,
    }),
  });
  const server = await serve({ app, lifecycle, logger, config });
  return {
    logger,
    shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS,
    close: async () => {
      await server.close();
      await client.close();
    },
  };
});
