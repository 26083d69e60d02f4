import { z } from 'zod';
import { integerVariable } from '../process/env';

/** Names a topic or a subscription (Google Cloud Pub/Sub, "Resource names"). */
export function topicVariable(fallback: string) {
  return z
    .string()
    .regex(/^(?!goog)[a-z][\w.~+%-]{2,254}$/i, 'must be the name of a topic or subscription')
    .default(fallback);
}

/** The variables of every process that uses Pub/Sub. */
export const messageBusVariables = {
  APPROVAL_TRANSPORT: z
    .enum(['http', 'pubsub'])
    .default('http')
    .describe('how `offers` requests decisions; both services need the same value'),
  PUBSUB_PROJECT_ID: z
    .string()
    .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, 'must be the id of a Google Cloud project')
    .optional()
    .describe('id of the Google Cloud project'),
  PUBSUB_EMULATOR_HOST: z
    .string()
    .regex(/^[\w.-]+:\d{1,5}$/, 'must be HOST:PORT')
    .optional()
    .describe(
      '`HOST:PORT` of an emulator; the services create missing topics and subscriptions there',
    ),
  PUBSUB_CHECKOUTS_TOPIC: topicVariable('loan-buddy-checkouts').describe(
    'topic of decision requests',
  ),
  PUBSUB_DECISIONS_TOPIC: topicVariable('loan-buddy-decisions').describe('topic of decisions'),
  PUBSUB_DEAD_LETTER_TOPIC: topicVariable('loan-buddy-dead-letters').describe(
    'topic of messages that could not be handled',
  ),
  PUBSUB_MAX_DELIVERIES: integerVariable({ default: 10, min: 5, max: 100 }).describe(
    'deliveries after which a message goes to the dead letters',
  ),
};
