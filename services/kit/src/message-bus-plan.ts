import type { PubSub } from '@google-cloud/pubsub';
import type { Logger } from './logger';
import { ALREADY_EXISTS, CALL_TIMEOUT_MS, grpcCode, NOT_FOUND, oneAttempt } from './pubsub-call';
import { StartError } from './start-error';

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

/** Something that must be there is not, or is not as it must be. */
export class MessageBusStartError extends StartError {
  readonly code = 'message-bus-start-failed';
}

interface SubscriptionMetadata {
  topic?: string | null;
  deadLetterPolicy?: {
    deadLetterTopic?: string | null;
    maxDeliveryAttempts?: number | null;
  } | null;
}

/** What of a Pub/Sub client it takes to look. */
export interface MetadataSource {
  projectId: string;
  topic: (name: string) => {
    getMetadata: (options: { timeout: number }) => Promise<[unknown, ...unknown[]]>;
  };
  subscription: (name: string) => {
    getMetadata: (options: { timeout: number }) => Promise<[SubscriptionMetadata, ...unknown[]]>;
  };
}

/**
 * Looks whether all of a plan is there: the topics that are published to, those for dead letters, and the subscriptions, each
 * of its topic and with its dead-letter topic. Another number of deliveries is only said, as is what cannot be looked at.
 *
 * @throws {MessageBusStartError} naming all that is missing or otherwise
 */
export async function requireAll(
  client: MetadataSource,
  { topics, subscriptions }: MessageBusPlan,
  logger: Logger,
): Promise<void> {
  const options = { timeout: CALL_TIMEOUT_MS };
  const unseen: { what: string; error: unknown }[] = [];
  const look = async (what: string, faults: Promise<string[]>): Promise<string[]> => {
    try {
      return await faults;
    } catch (error) {
      if (grpcCode(error) === NOT_FOUND) return [`no ${what}`];
      unseen.push({ what, error });
      return [];
    }
  };
  const lookAtTopic = async (name: string) => {
    await client.topic(name).getMetadata(options);
    return [];
  };
  const lookAtSubscription = async (plan: SubscriptionPlan) => {
    const [metadata] = await client.subscription(plan.name).getMetadata(options);
    warnOfDeliveries(plan, metadata, logger);
    return differences(plan, metadata, client.projectId);
  };
  const deadLetterTopics = subscriptions.map(({ deadLetterTopic }) => deadLetterTopic);
  const faults = await Promise.all([
    ...[...new Set([...topics, ...deadLetterTopics])].map((name) =>
      look(`topic ${name}`, lookAtTopic(name)),
    ),
    ...subscriptions.map((plan) => look(`subscription ${plan.name}`, lookAtSubscription(plan))),
  ]);
  if (unseen.length > 0) {
    logger.warn(
      { err: unseen[0]!.error, unseen: unseen.map(({ what }) => what) },
      'cannot tell whether all topics and subscriptions are there',
    );
  }
  if (faults.flat().length === 0) return;
  throw new MessageBusStartError(
    `Pub/Sub project ${client.projectId} has ${faults.flat().sort().join(', ')}; terraform/ creates them as they must be`,
  );
}

/** What of a subscription would lose messages, or give others than are meant. */
function differences(
  { name, topic, deadLetterTopic }: SubscriptionPlan,
  metadata: SubscriptionMetadata,
  projectId: string,
): string[] {
  const found = shortened(metadata.topic, projectId);
  const foundDeadLetters = shortened(metadata.deadLetterPolicy?.deadLetterTopic, projectId);
  const faults: string[] = [];
  if (found !== topic) {
    faults.push(`subscription ${name} of topic ${found ?? 'none'} instead of ${topic}`);
  }
  if (foundDeadLetters === undefined) {
    faults.push(`subscription ${name} without dead-letter topic ${deadLetterTopic}`);
  } else if (foundDeadLetters !== deadLetterTopic) {
    faults.push(
      `subscription ${name} with dead-letter topic ${foundDeadLetters} instead of ${deadLetterTopic}`,
    );
  }
  return faults;
}

/** The name alone of a topic of our project, which goes by its id or its number; undefined if there is none. */
function shortened(topic: string | null | undefined, projectId: string): string | undefined {
  if (!topic) return undefined;
  const [, project, name] = /^projects\/([^/]+)\/topics\/(.+)$/.exec(topic) ?? [];
  return name !== undefined && (project === projectId || /^\d+$/.test(project!)) ? name : topic;
}

/** No reason not to start: whoever creates the subscription decides that. */
function warnOfDeliveries(
  { name, maxDeliveries }: SubscriptionPlan,
  { deadLetterPolicy }: SubscriptionMetadata,
  logger: Logger,
): void {
  if (!deadLetterPolicy || deadLetterPolicy.maxDeliveryAttempts === maxDeliveries) return;
  const { maxDeliveryAttempts } = deadLetterPolicy;
  logger.warn(
    { subscription: name, maxDeliveries, maxDeliveryAttempts },
    'subscription sets messages aside after another number of deliveries',
  );
}

/** Creates what is missing of a plan, and a subscription for each topic of dead letters. What is there is left as it is. */
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
