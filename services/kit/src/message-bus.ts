import {
  Duration,
  PubSub,
  SubscriptionCloseBehaviors,
  type Message,
  type Topic,
} from '@google-cloud/pubsub';
import type { z } from 'zod';
import type { messageBusVariables } from './env';
import type { Logger } from './logger';
import {
  createMissing,
  MessageBusStartError,
  requireAll,
  type MessageBusPlan,
} from './message-bus-plan';
import { grpcCode, NOT_FOUND, oneAttempt } from './pubsub-call';

/**
 * Messages over Google Cloud Pub/Sub. Each arrives at least once, and in any order, but for a subscription that was created
 * to keep the order of those with one key.
 */
export interface MessageBus {
  /**
   * Publishes text of one content type. Resolves once Pub/Sub has it.
   *
   * @throws whatever the client reports, at the latest when {@link oneAttempt} is over: it may have it all the same
   */
  publish: (
    topic: string,
    message: { body: string; contentType: string; orderingKey: string },
  ) => Promise<void>;
  /** Delivers up to `maxMessages` at once; a message whose handler rejects is delivered again. */
  subscribe: (
    subscription: string,
    options: { maxMessages: number; handle: (body: string) => Promise<void> },
  ) => void;
  /** Takes no more messages, waits for those in hand, and disconnects. */
  close: () => Promise<void>;
}

/** How long to wait before a subscription that broke is opened again. */
const REOPEN_MS = 1000;
/** Messages are gathered this long, so that many go in one call. */
const BATCH_MS = 5;

/** What is being handled is acknowledged, and nothing new is handed over. Whoever closes has a deadline of their own. */
const waitForHandlers = {
  behavior: SubscriptionCloseBehaviors.WaitForProcessing,
  timeout: Duration.from({ minutes: 10 }),
};

/**
 * Connects, to an emulator if one is named. What is missing of the plan is created if that is wanted, now and whenever it
 * turns out to be gone; otherwise it has to be there. A Pub/Sub that does not answer is no reason not to start.
 *
 * @throws {MessageBusStartError} naming every topic and subscription that is missing, or not as planned.
 */
export async function openMessageBus(
  options: {
    projectId: string;
    emulatorHost?: string | undefined;
    createMissing: boolean;
    plan: MessageBusPlan;
  },
  logger: Logger,
): Promise<MessageBus> {
  const { projectId, emulatorHost, plan } = options;
  const client = new PubSub({
    projectId,
    ...(emulatorHost !== undefined && {
      apiEndpoint: emulatorHost,
      emulatorMode: true,
      // It asks for none; without them the client would look for a metadata server all the same.
      credentials: { client_email: 'emulator', private_key: 'none' },
    }),
  });
  const topics = new Map<string, Topic>();
  const inHand = new Set<Promise<void>>();
  const closers: (() => Promise<void>)[] = [];
  let closing = false;

  const prepare = () =>
    options.createMissing ? createMissing(client, plan) : requireAll(client, plan, logger);
  await prepare().catch((error: unknown) => {
    if (error instanceof MessageBusStartError) throw error;
    logger.warn({ err: error }, 'cannot tell whether all topics and subscriptions are there');
  });

  function topicOf(name: string): Topic {
    let topic = topics.get(name);
    if (!topic) {
      topic = client.topic(name, {
        messageOrdering: true,
        batching: { maxMilliseconds: BATCH_MS },
        gaxOpts: oneAttempt,
      });
      topics.set(name, topic);
    }
    return topic;
  }

  return {
    publish: async (name, { body, contentType, orderingKey }) => {
      const topic = topicOf(name);
      try {
        await topic.publishMessage({
          data: Buffer.from(body),
          attributes: { 'content-type': contentType },
          orderingKey,
        });
      } catch (error) {
        // The client holds back all later messages of a key until it is told that this is known.
        topic.resumePublishing(orderingKey);
        if (grpcCode(error) === NOT_FOUND && options.createMissing) {
          await prepare().catch(() => undefined);
        }
        throw error;
      }
    },

    subscribe: (name, { maxMessages, handle }) => {
      const receive = (message: Message) => {
        const handling = handle(message.data.toString()).then(
          () => {
            message.ack();
          },
          (error: unknown) => {
            const { deliveryAttempt, id } = message;
            logger.warn({ err: error, messageId: id, deliveryAttempt }, 'message not handled');
            message.nack();
          },
        );
        inHand.add(handling);
        void handling.finally(() => inHand.delete(handling));
      };
      const open = () => {
        const subscription = client.subscription(name, {
          // As many as one pull brings, if nothing is said against it.
          flowControl: { maxMessages, allowExcessMessages: false },
          closeOptions: waitForHandlers,
        });
        let reopening: NodeJS.Timeout | undefined;
        subscription.on('message', receive);
        subscription.on('error', (error: Error) => {
          if (closing || reopening) return;
          logger.warn({ err: error, subscription: name }, 'subscription failed');
          reopening = setTimeout(() => {
            void subscription
              .close()
              .catch(() => undefined)
              .then(() => (options.createMissing ? prepare() : undefined))
              .catch(() => undefined)
              .then(() => {
                if (!closing) open();
              });
          }, REOPEN_MS);
        });
        close = async () => {
          clearTimeout(reopening);
          await subscription.close();
        };
      };
      let close: () => Promise<void> = () => Promise.resolve();
      closers.push(() => close());
      open();
    },

    close: async () => {
      closing = true;
      await Promise.all(closers.map((close) => close()));
      await Promise.all(inHand);
      await Promise.all([...topics.values()].map((topic) => topic.flush().catch(() => undefined)));
      await client.close();
    },
  };
}

/**
 * Connects as the environment says. On an emulator, what is missing of the plan is created; in a real project others own it,
 * and it has to be there, as planned.
 *
 * @throws {MessageBusStartError} naming what is not.
 */
export function openConfiguredBus(
  config: z.output<z.ZodObject<typeof messageBusVariables>>,
  plan: MessageBusPlan,
  logger: Logger,
): Promise<MessageBus> {
  const { PUBSUB_PROJECT_ID: projectId, PUBSUB_EMULATOR_HOST: emulatorHost } = config;
  if (projectId === undefined) throw new Error('PUBSUB_PROJECT_ID is not set');
  const createMissing = emulatorHost !== undefined;
  return openMessageBus({ projectId, emulatorHost, createMissing, plan }, logger);
}
