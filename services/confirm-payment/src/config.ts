import { environment, serverVariables } from '@loan-buddy/kit/server';
import { integerVariable, ratioVariable, readEnv } from '@loan-buddy/kit/process';
import { messageBusVariables, topicVariable } from '@loan-buddy/kit/messaging';
import type { z } from 'zod';

/** By topic. docs/configuration.md shows their descriptions. */
export const variables = {
  server: serverVariables({ port: 8000 }),
  decisions: {
    APPROVAL_THRESHOLD: integerVariable({ default: 10_000 }).describe(
      'smallest amount that is approved',
    ),
    SIMULATED_LATENCY_MS: integerVariable({ default: 0, max: 600_000 }).describe(
      'makes every decision take longer',
    ),
    SIMULATED_FAILURE_RATE: ratioVariable({ default: 0 }).describe(
      'share of decisions that fail with 503',
    ),
    PUBSUB_CHECKOUTS_SUBSCRIPTION: topicVariable('loan-buddy-checkouts-confirm-payment').describe(
      'subscription to decision requests',
    ),
  },
};

const schema = environment({
  ...variables.server,
  ...variables.decisions,
  ...messageBusVariables,
}).superRefine(({ APPROVAL_TRANSPORT, PUBSUB_PROJECT_ID }, context) => {
  if (APPROVAL_TRANSPORT === 'http' || PUBSUB_PROJECT_ID !== undefined) return;
  const message = 'must be set for APPROVAL_TRANSPORT=pubsub';
  context.addIssue({ code: 'custom', path: ['PUBSUB_PROJECT_ID'], message });
});

export const variableNames = Object.keys(schema.shape);

export type Config = z.output<typeof schema>;

/** @throws {ConfigError} naming every faulty variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return readEnv(schema, env);
}
