import { z } from 'zod';
import { integerVariable } from '../process/env';

/** A variable that names a topic or a subscription (Google Cloud Pub/Sub, "Resource names"). */
export function topicVariable(fallback: string) {
  return z
    .string()
    .regex(/^(?!goog)[a-z][\w.~+%-]{2,254}$/i, 'must be the name of a topic or subscription')
    .default(fallback);
}

/** The variables of every process that uses Pub/Sub. */
export const messageBusVariables = {
  PUBSUB_PROJECT_ID: z
    .string()
    .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, 'must be the id of a Google Cloud project')
    .optional(),
  PUBSUB_EMULATOR_HOST: z
    .string()
    .regex(/^[\w.-]+:\d{1,5}$/, 'must be HOST:PORT')
    .optional(),
  PUBSUB_DEAD_LETTER_TOPIC: topicVariable('loan-buddy-dead-letters'),
  PUBSUB_MAX_DELIVERIES: integerVariable({ default: 10, min: 5, max: 100 }),
};
