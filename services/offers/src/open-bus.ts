import type { Logger } from '@loan-buddy/kit';
import type { MessageBus } from '@loan-buddy/kit/message-bus';
import type { Config } from './config';

/**
 * Connects to Pub/Sub with what the configuration uses of it; undefined if that is nothing.
 *
 * @throws {MessageBusStartError} naming what is missing there.
 */
export async function openBus(config: Config, logger: Logger): Promise<MessageBus | undefined> {
  const { APPROVAL_TRANSPORT, EVENT_BUS, PUBSUB_PROJECT_ID: projectId } = config;
  const decides = APPROVAL_TRANSPORT === 'pubsub';
  const tells = EVENT_BUS === 'pubsub';
  if (projectId === undefined || !(decides || tells)) return undefined;
  // Only then: its libraries take their time to load, and 40 MB.
  const { openMessageBus } = await import('@loan-buddy/kit/message-bus');
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
  const emulatorHost = config.PUBSUB_EMULATOR_HOST;
  // In a real project, Terraform owns them.
  const createMissing = emulatorHost !== undefined;
  return openMessageBus({ projectId, emulatorHost, createMissing, plan }, logger);
}
