import { setTimeout as sleep } from 'node:timers/promises';
import type { Message, Topic } from '@google-cloud/pubsub';
import { Counter } from 'prom-client';
import type { z } from 'zod';
import type { Logger } from '../telemetry/logger';
import { currentTraceparent, inLinkedSpan } from '../telemetry/spans';
import { UnusableMessageError } from './cloud-events';
import {
  ACK_DEADLINE_S,
  createMissing,
  grpcCode,
  MessageBusStartError,
  NOT_FOUND,
  oneAttempt,
  verifyPlan,
  type MessageBusPlan,
} from './message-bus-plan';
import { processSpan, sendSpan } from './message-spans';
import type { messageBusVariables } from './variables';

/** Google Cloud Pub/Sub. Messages arrive at least once, in any order unless the subscription orders them by key. */
export type MessageBus = Awaited<ReturnType<typeof openMessageBus>>;

const messages = new Counter({
  name: 'loan_buddy_messages_total',
  help: 'Received messages, by outcome: handled, redelivered, or dead-letter (failed in its last delivery).',
  labelNames: ['subscription', 'outcome'],
});

/** How long to wait before reopening a subscription that failed. */
const REOPEN_MS = 1000;
const STREAMING_PULL = { service: 'google.pubsub.v1.Subscriber', method: 'StreamingPull' };
/** Shorter than {@link ACK_DEADLINE_S}: the next delivery must not go to the same dead stream. */
const EMULATOR_STREAM_TIMEOUT = '3s';
/** The first and the longest pause before a message whose handler failed is redelivered. */
const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;
/** How long to collect messages for one batch. */
const BATCH_MS = 5;

/**
 * Connects, to an emulator if one is given. With `createMissing`, creates the missing parts of the plan, now and
 * whenever a call finds one missing; otherwise they must exist. Starts even if Pub/Sub does not respond.
 *
 * @throws {MessageBusStartError} naming every topic and subscription that is missing or not as planned.
 */
export async function openMessageBus(
  options: {
    projectId: string;
    emulatorHost?: string | undefined;
    createMissing: boolean;
    plan: MessageBusPlan;
  },
  logger: Logger,
) {
  const { projectId, emulatorHost, plan } = options;
  // Loaded on demand: it loads slowly and takes 40 MB.
  const { Duration, PubSub, SubscriptionCloseBehaviors } = await import('@google-cloud/pubsub');
  // Acknowledges messages in progress and hands over no new ones. The caller has its own shutdown timeout.
  const closeOptions = {
    behavior: SubscriptionCloseBehaviors.WaitForProcessing,
    timeout: Duration.from({ minutes: 10 }),
  };
  const client = new PubSub({
    projectId,
    ...(emulatorHost !== undefined && {
      apiEndpoint: emulatorHost,
      emulatorMode: true,
      // The emulator needs no credentials, but without any the client would look for a metadata server.
      credentials: { client_email: 'emulator', private_key: 'none' },
      // It sends messages to the stream of a killed process until the stream's deadline, by default 15 minutes.
      'grpc.service_config': JSON.stringify({
        methodConfig: [{ name: [STREAMING_PULL], timeout: EMULATOR_STREAM_TIMEOUT }],
      }),
    }),
  });
  const topics = new Map<string, Topic>();
  const inProgress = new Set<Promise<void>>();
  const closers: (() => Promise<void>)[] = [];
  const closing = new AbortController();

  const prepare = () =>
    options.createMissing ? createMissing(client, plan) : verifyPlan(client, plan, logger);
  await prepare().catch((error: unknown) => {
    if (error instanceof MessageBusStartError) throw error;
    logger.warn({ err: error }, 'cannot check topics and subscriptions');
  });

  const topicOptions = {
    messageOrdering: true,
    batching: { maxMilliseconds: BATCH_MS },
    gaxOpts: oneAttempt,
  };

  return {
    /**
     * Publishes text of one content type. Resolves once Pub/Sub has it. The message carries the trace, in an attribute.
     *
     * @param message.traceparent of what the message is about
     * @throws whatever the client reports, within the timeout of {@link oneAttempt}. Pub/Sub may still have it.
     */
    publish: async (
      name: string,
      message: {
        body: string;
        contentType: string;
        orderingKey: string;
        traceparent?: string | undefined;
      },
    ): Promise<void> => {
      const { body, contentType, orderingKey, traceparent } = message;
      const topic = topics.get(name) ?? client.topic(name, topicOptions);
      topics.set(name, topic);
      try {
        await inLinkedSpan(`send ${name}`, sendSpan(name, message), async (span) => {
          const sent = currentTraceparent(traceparent);
          const id = await topic.publishMessage({
            data: Buffer.from(body),
            attributes: {
              'content-type': contentType,
              ...(sent !== undefined && { traceparent: sent }),
            },
            orderingKey,
          });
          span?.setAttribute('messaging.message.id', id);
        });
      } catch (error) {
        // The client holds back later messages of this key until publishing is resumed.
        topic.resumePublishing(orderingKey);
        if (grpcCode(error) === NOT_FOUND && options.createMissing) {
          await prepare().catch(() => undefined);
        }
        throw error;
      }
    },

    /**
     * Delivers up to `maxMessages` at once. Redelivers a message whose handler rejects, after a pause that doubles each
     * time; without a pause after an {@link UnusableMessageError}, so that it soon becomes a dead letter.
     */
    subscribe: (
      name: string,
      { maxMessages, handle }: { maxMessages: number; handle: (body: string) => Promise<void> },
    ): void => {
      const maxDeliveries = plan.subscriptions.find((each) => each.name === name)?.maxDeliveries;
      const count = (outcome: string, by = 1) => {
        messages.inc({ subscription: name, outcome }, by);
      };
      // Start at 0: Prometheus' `increase` does not count the first value of a series.
      for (const outcome of ['handled', 'redelivered', 'dead-letter']) count(outcome, 0);
      const receive = async (message: Message) => {
        try {
          await inLinkedSpan(`process ${name}`, processSpan(name, message), () =>
            handle(message.data.toString()),
          );
          message.ack();
          count('handled');
        } catch (err) {
          const { deliveryAttempt, id: messageId } = message;
          count(deliveryAttempt >= (maxDeliveries ?? Infinity) ? 'dead-letter' : 'redelivered');
          logger.warn({ err, messageId, deliveryAttempt }, 'message failed, will be redelivered');
          // Not a retry policy of the subscription: that would also delay the messages of a process that was killed, and
          // the emulator loses messages under it.
          const pauseMs = Math.min(MIN_PAUSE_MS * 2 ** (deliveryAttempt - 1), MAX_PAUSE_MS);
          if (!(err instanceof UnusableMessageError))
            await sleep(pauseMs, undefined, closing).catch(() => undefined);
          message.nack();
        }
      };
      const open = () => {
        const subscription = client.subscription(name, {
          // Without this, concurrency is as high as one whole pull.
          flowControl: { maxMessages, allowExcessMessages: false },
          // Each stream holds up to `maxMessages`, and all of them wait for their deadline when the process dies.
          streamingOptions: { maxStreams: 1 },
          // Otherwise slow handlers make the client ask for up to 10 minutes.
          maxAckDeadline: Duration.from({ seconds: ACK_DEADLINE_S }),
          closeOptions,
        });
        let reopening: NodeJS.Timeout | undefined;
        const reopen = async () => {
          await subscription.close().catch(() => undefined);
          if (options.createMissing) await prepare().catch(() => undefined);
          if (!closing.signal.aborted) open();
        };
        subscription.on('message', (message: Message) => {
          const handling = receive(message).finally(() => inProgress.delete(handling));
          inProgress.add(handling);
        });
        subscription.on('error', (error: Error) => {
          if (closing.signal.aborted || reopening) return;
          logger.warn({ err: error, subscription: name }, 'subscription failed');
          reopening = setTimeout(() => void reopen(), REOPEN_MS);
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

    /** Takes no more messages, waits for the ones in progress, and disconnects. */
    close: async (): Promise<void> => {
      closing.abort();
      await Promise.all(closers.map((close) => close()));
      await Promise.all(inProgress);
      await Promise.all([...topics.values()].map((topic) => topic.flush().catch(() => undefined)));
      await client.close();
    },
  };
}

/** Connects as configured. Creates what is missing only on an emulator: a real project is not ours. */
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
