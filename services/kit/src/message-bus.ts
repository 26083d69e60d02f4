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
import { StartError } from './start-error';

/**
 * Messages over Google Cloud Pub/Sub. Each arrives at least once, and in any order, but for a subscription that was created
 * to keep the order of those with one key.
 */
export interface MessageBus {
  /**
   * Publishes text of one content type. Resolves once Pub/Sub has it.
   *
   * @throws whatever the client reports, at the latest after {@link PUBLISH_TIMEOUT_MS}: it may have it all the same
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

/** A subscription, and what becomes of messages that nobody can handle. */
export interface SubscriptionPlan {
  name: string;
  topic: string;
  deadLetterTopic: string;
  /** After so many deliveries a message goes there. */
  maxDeliveries: number;
}

/** The topics that are published to, and the subscriptions that are read. */
export interface MessageBusPlan {
  topics: readonly string[];
  subscriptions: readonly SubscriptionPlan[];
}

/** Something that must be there is not. */
export class MessageBusStartError extends StartError {
  readonly code = 'message-bus-start-failed';
}

const PUBLISH_TIMEOUT_MS = 5000;
const LOOK_TIMEOUT_MS = 5000;
/** How long to wait before a subscription that broke is opened again. */
const REOPEN_MS = 1000;
/** Messages are gathered this long, so that many go in one call. */
const BATCH_MS = 5;

// gRPC status codes.
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;

/** What is being handled is acknowledged, and nothing new is handed over. Whoever closes has a deadline of their own. */
const waitForHandlers = {
  behavior: SubscriptionCloseBehaviors.WaitForProcessing,
  timeout: Duration.from({ minutes: 10 }),
};

/** One attempt: whoever publishes keeps what must be sent, and tries again. The client itself would go on for 10 minutes. */
const oneAttempt = {
  timeout: PUBLISH_TIMEOUT_MS,
  retry: {
    retryCodes: [],
    backoffSettings: {
      initialRetryDelayMillis: 100,
      retryDelayMultiplier: 1,
      maxRetryDelayMillis: 100,
      initialRpcTimeoutMillis: PUBLISH_TIMEOUT_MS,
      rpcTimeoutMultiplier: 1,
      maxRpcTimeoutMillis: PUBLISH_TIMEOUT_MS,
      totalTimeoutMillis: PUBLISH_TIMEOUT_MS,
    },
  },
};

/**
 * Connects, to an emulator if one is named. What is missing of the plan is created if that is wanted, now and whenever it
 * turns out to be gone; otherwise it has to be there. A Pub/Sub that does not answer is no reason not to start.
 *
 * @throws {MessageBusStartError} naming every topic and subscription that is missing.
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
    options.createMissing ? createMissing(client, plan) : requireAll(client, plan);
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
          flowControl: { maxMessages },
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
 * and it has to be there.
 *
 * @throws {MessageBusStartError} naming what is missing.
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

async function requireAll(
  client: PubSub,
  { topics, subscriptions }: MessageBusPlan,
): Promise<void> {
  const look = { timeout: LOOK_TIMEOUT_MS };
  const missing: string[] = [];
  const require = async (what: string, metadata: Promise<unknown>) => {
    try {
      await metadata;
    } catch (error) {
      if (grpcCode(error) !== NOT_FOUND) throw error;
      missing.push(what);
    }
  };
  await Promise.all([
    ...topics.map((name) => require(`topic ${name}`, client.topic(name).getMetadata(look))),
    ...subscriptions.map(({ name }) =>
      require(`subscription ${name}`, client.subscription(name).getMetadata(look)),
    ),
  ]);
  if (missing.length === 0) return;
  throw new MessageBusStartError(
    `Pub/Sub project ${client.projectId} has no ${missing.sort().join(', no ')}; terraform/ creates them`,
  );
}

async function createMissing(
  client: PubSub,
  { topics, subscriptions }: MessageBusPlan,
): Promise<void> {
  const create = async (creation: Promise<unknown>) => {
    await creation.catch((error: unknown) => {
      if (grpcCode(error) !== ALREADY_EXISTS) throw error;
    });
  };
  const deadLetters = subscriptions.map(({ deadLetterTopic }) => deadLetterTopic);
  const sources = subscriptions.map(({ topic }) => topic);
  for (const name of new Set([...topics, ...deadLetters, ...sources])) {
    await create(client.createTopic(name, oneAttempt));
  }
  // So that what nobody can handle is kept, and can be seen.
  for (const name of new Set(deadLetters)) await create(client.createSubscription(name, name));
  for (const { name, topic, deadLetterTopic, maxDeliveries } of subscriptions) {
    await create(
      client.createSubscription(topic, name, {
        // Not in order: a message that somebody died with would hold back all later ones of its key.
        ackDeadlineSeconds: 20,
        deadLetterPolicy: {
          deadLetterTopic: `projects/${client.projectId}/topics/${deadLetterTopic}`,
          maxDeliveryAttempts: maxDeliveries,
        },
        retryPolicy: { minimumBackoff: { seconds: 1 }, maximumBackoff: { seconds: 60 } },
      }),
    );
  }
}

function grpcCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
