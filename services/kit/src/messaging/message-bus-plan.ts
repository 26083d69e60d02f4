import type { GetSubscriptionMetadataResponse, PubSub } from '@google-cloud/pubsub';
import type { Logger } from '../telemetry/logger';
import { StartError } from '../process/start-error';

/** How long one call to Pub/Sub may take. */
const inTime = { timeout: 5000 };

/** One attempt: the publisher keeps the message and retries. The client itself would retry for 10 minutes. */
export const oneAttempt = { ...inTime, retry: null };

/**
 * How long a message belongs to one process, in seconds: Pub/Sub's minimum. The client extends it for as long as it
 * handles the message; after a process dies, another gets its messages that much later.
 */
export const ACK_DEADLINE_S = 10;

// gRPC status codes.
export const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;

/** Returns the status code of a failed call, or undefined for any other error. */
export function grpcCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

export interface SubscriptionPlan {
  name: string;
  topic: string;
  deadLetterTopic: string;
  /** After this many deliveries, a message goes to the dead-letter topic. */
  maxDeliveries: number;
}

export interface MessageBusPlan {
  /** The topics to publish to. */
  topics: readonly string[];
  subscriptions: readonly SubscriptionPlan[];
}

/** A topic or subscription is missing or not as planned. */
export class MessageBusStartError extends StartError {
  readonly code = 'message-bus-start-failed';
}

/** The part of a Pub/Sub client that the check needs. */
export interface MetadataSource {
  projectId: string;
  topic: (name: string) => { getMetadata: (options: typeof inTime) => Promise<unknown> };
  subscription: (name: string) => {
    getMetadata: (options: typeof inTime) => Promise<GetSubscriptionMetadataResponse>;
  };
}

/**
 * Checks the topics to publish to, and the subscriptions, each with its topic and dead-letter topic. Only warns about a
 * different number of deliveries, and about what it cannot check.
 *
 * @throws {MessageBusStartError} naming everything that is missing or different
 */
export async function verifyPlan(
  client: MetadataSource,
  { topics, subscriptions }: MessageBusPlan,
  logger: Logger,
): Promise<void> {
  const { projectId } = client;
  const faults: string[] = [];
  const unchecked: string[] = [];
  let err: unknown;
  const check = async <Found>(
    what: string,
    thing: { getMetadata: (options: typeof inTime) => Promise<Found> },
  ) => {
    try {
      return await thing.getMetadata(inTime);
    } catch (error) {
      if (grpcCode(error) === NOT_FOUND) faults.push(`no ${what}`);
      else {
        unchecked.push(what);
        err ??= error;
      }
      return undefined;
    }
  };
  const checkSubscription = async (plan: SubscriptionPlan) => {
    const { name, topic, deadLetterTopic, maxDeliveries } = plan;
    const subscription = `subscription ${name}`;
    const response = await check(subscription, client.subscription(name));
    if (!response) return;
    const [{ topic: foundTopic, deadLetterPolicy }] = response;
    const found = shortTopicName(foundTopic, projectId);
    if (found !== topic)
      faults.push(`${subscription} of topic ${found ?? 'none'} instead of ${topic}`);
    const foundDeadLetters = shortTopicName(deadLetterPolicy?.deadLetterTopic, projectId);
    if (foundDeadLetters === undefined)
      faults.push(`${subscription} without dead-letter topic ${deadLetterTopic}`);
    else if (foundDeadLetters !== deadLetterTopic)
      faults.push(
        `${subscription} with dead-letter topic ${foundDeadLetters} instead of ${deadLetterTopic}`,
      );
    const { maxDeliveryAttempts } = deadLetterPolicy ?? { maxDeliveryAttempts: maxDeliveries };
    // Only a warning: the subscription's owner may choose another number.
    if (maxDeliveryAttempts !== maxDeliveries) {
      const fields = { subscription: name, maxDeliveries, maxDeliveryAttempts };
      logger.warn(fields, 'subscription has a different maximum of deliveries');
    }
  };
  const deadLetterTopics = subscriptions.map(({ deadLetterTopic }) => deadLetterTopic);
  await Promise.all([
    ...[...new Set([...topics, ...deadLetterTopics])].map((name) =>
      check(`topic ${name}`, client.topic(name)),
    ),
    ...subscriptions.map(checkSubscription),
  ]);
  if (unchecked.length > 0)
    logger.warn({ err, unchecked }, 'cannot check topics and subscriptions');
  if (faults.length === 0) return;
  throw new MessageBusStartError(
    `Pub/Sub project ${projectId} has ${faults.sort().join(', ')}; create them with terraform/`,
  );
}

/** Returns the short name of a topic in our project, given by id or number, or the full name of another project's. */
function shortTopicName(topic: string | null | undefined, projectId: string): string | undefined {
  if (!topic) return undefined;
  const [, project, name] = /^projects\/([^/]+)\/topics\/(.+)$/.exec(topic) ?? [];
  return name !== undefined && (project === projectId || /^\d+$/.test(project!)) ? name : topic;
}

/** Creates the missing parts of a plan, and a subscription for each dead-letter topic. Changes nothing that exists. */
export async function createMissing(
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
  // Without a subscription, Pub/Sub would drop the dead letters.
  for (const name of new Set(deadLetters)) await create(client.createSubscription(name, name));
  for (const { name, topic, deadLetterTopic, maxDeliveries } of subscriptions) {
    await create(
      client.createSubscription(topic, name, {
        // Not ordered: a message that crashes its consumer would hold back all later ones of its key.
        ackDeadlineSeconds: ACK_DEADLINE_S,
        deadLetterPolicy: {
          deadLetterTopic: `projects/${client.projectId}/topics/${deadLetterTopic}`,
          maxDeliveryAttempts: maxDeliveries,
        },
      }),
    );
  }
}
