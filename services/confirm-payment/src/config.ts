import { environment, serverVariables } from '@loan-buddy/kit/server';
import { integerVariable, ratioVariable, readEnv } from '@loan-buddy/kit/process';
import { messageBusVariables, topicVariable } from '@loan-buddy/kit/messaging';
import { z } from 'zod';

const schema = environment({
  ...serverVariables({ port: 8000 }),
  APPROVAL_THRESHOLD: integerVariable({ default: 10_000 }),
  SIMULATED_LATENCY_MS: integerVariable({ default: 0, max: 600_000 }),
  SIMULATED_FAILURE_RATE: ratioVariable({ default: 0 }),
  APPROVAL_TRANSPORT: z.enum(['http', 'pubsub']).default('http'),
  ...messageBusVariables,
  PUBSUB_CHECKOUTS_TOPIC: topicVariable('loan-buddy-checkouts'),
  PUBSUB_CHECKOUTS_SUBSCRIPTION: topicVariable('loan-buddy-checkouts-confirm-payment'),
  PUBSUB_DECISIONS_TOPIC: topicVariable('loan-buddy-decisions'),
}).superRefine(({ APPROVAL_TRANSPORT, PUBSUB_PROJECT_ID }, context) => {
  if (APPROVAL_TRANSPORT === 'http' || PUBSUB_PROJECT_ID !== undefined) return;
  const message = 'must be set for APPROVAL_TRANSPORT=pubsub';
  context.addIssue({ code: 'custom', path: ['PUBSUB_PROJECT_ID'], message });
});

/** The names of all variables. */
export const variableNames = Object.keys(schema.shape);

export type Config = z.output<typeof schema>;

/** @throws {ConfigError} naming every faulty variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return readEnv(schema, env);
}
