import type { Logger } from '@loan-buddy/kit/telemetry';
import { openConfiguredBus, type MessageBus } from '@loan-buddy/kit/messaging';
import type { Config } from './config';

/**
 * Connects to the Pub/Sub resources that the configuration uses; returns undefined if it uses none.
 *
 * @throws {MessageBusStartError} naming what is missing there.
 */
export async function openBus(config: Config, logger: Logger): Promise<MessageBus | undefined> {
  const decides = config.APPROVAL_TRANSPORT === 'pubsub';
  const tells = config.EVENT_BUS === 'pubsub';
  if (!decides && !tells) return undefined;
  const plan = {
    topics: [
      ...(decides ? [config.PUBSUB_CHECKOUTS_TOPIC] : []),
      ...(tells ? [config.PUBSUB_EVENTS_TOPIC] : []),
    ],
    subscriptions: decides
      ? [
          {
            name: config.PUBSUB_DECISIONS_SUBSCRIPTION,
            topic: config.PUBSUB_DECISIONS_TOPIC,
            deadLetterTopic: config.PUBSUB_DEAD_LETTER_TOPIC,
            maxDeliveries: config.PUBSUB_MAX_DELIVERIES,
          },
        ]
      : [],
  };
  return openConfiguredBus(config, plan, logger);
}
