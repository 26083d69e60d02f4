import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { baseUrlVariable } from './client/base-url';
import { environment, serverVariables } from '@loan-buddy/kit/server';
import { flagVariable, integerVariable, readEnv } from '@loan-buddy/kit/process';
import { messageBusVariables, topicVariable } from '@loan-buddy/kit/messaging';
import { z } from 'zod';
import { jsonFileVariable } from './json-file-variable';
import type { DatabaseOptions } from './db/database';
import { checkoutModes } from './orders/checkout';
import { aprTypes } from './catalogue/price-offer';
import { providersSchema } from './catalogue/providers/provider-config';

/** `.data/offers` next to the services, independent of the working directory. */
const DEFAULT_DATA_DIR = resolve(__dirname, '../../../.data/offers');

const databaseVariables = {
  DATABASE_URL: z
    .string()
    .regex(/^(memory:$|postgres(ql)?:\/\/)/, 'must be a postgres:// URL or memory:')
    .optional(),
  DATA_DIR: z.string().default(DEFAULT_DATA_DIR),
  DATABASE_POOL_SIZE: integerVariable({ default: 10, min: 1, max: 1000 }),
  DATABASE_TIMEOUT_MS: integerVariable({ default: 2000, min: 1, max: 60_000 }),
};

const offerVariables = {
  BREAKER_FAILURES: integerVariable({ default: 5, min: 1, max: 1000 }),
  BREAKER_OPEN_MS: integerVariable({ default: 5000, min: 1, max: 600_000 }),
  CDR_REGISTER_URL: baseUrlVariable('https://api.cdr.gov.au'),
  ALLOW_PRIVATE_PROVIDERS: flagVariable({ default: false }),
  PROVIDERS_FILE: jsonFileVariable(providersSchema).optional(),
  PROVIDER_TIMEOUT_MS: integerVariable({ default: 1000, min: 1, max: 60_000 }),
  OFFERS_TTL_MS: integerVariable({ default: 5000, max: 3_600_000 }),
  OFFERS_MAX_AGE_MS: integerVariable({ default: 60_000, max: 86_400_000 }),
  APR_TYPE: z.enum(aprTypes).default('eu-effective'),
};

const admissionVariables = {
  AUTH_ISSUER: z.string().optional(),
  AUTH_AUDIENCE: z.string().optional(),
  AUTH_JWKS_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
    .optional(),
  AUTH_JWKS_FILE: z.string().refine(existsSync, 'is not there').optional(),
  AUTH_PUBLIC_OFFERS: flagVariable({ default: false }),
  RATE_LIMIT: z.enum(['on', 'off']).optional(),
  RATE_LIMIT_READS: integerVariable({ default: 600, min: 1, max: 1_000_000_000 }),
  RATE_LIMIT_WRITES: integerVariable({ default: 60, min: 1, max: 1_000_000_000 }),
  TRUST_PROXY: integerVariable({ default: 0, max: 10 }),
};

const eventVariables = {
  APPROVAL_TRANSPORT: z.enum(['http', 'pubsub']).default('http'),
  EVENT_BUS: z.enum(['none', 'pubsub']).default('none'),
  DECISION_TIMEOUT_MS: integerVariable({ default: 60_000, min: 1, max: 86_400_000 }),
  ...messageBusVariables,
  PUBSUB_CHECKOUTS_TOPIC: topicVariable('loan-buddy-checkouts'),
  PUBSUB_DECISIONS_TOPIC: topicVariable('loan-buddy-decisions'),
  PUBSUB_DECISIONS_SUBSCRIPTION: topicVariable('loan-buddy-decisions-offers'),
  PUBSUB_EVENTS_TOPIC: topicVariable('loan-buddy-order-events'),
};

const notificationVariables = {
  ALLOW_PRIVATE_WEBHOOKS: flagVariable({ default: false }),
  WEBHOOK_TIMEOUT_MS: integerVariable({ default: 15_000, min: 1, max: 60_000 }),
  NOTIFICATION_RETENTION_DAYS: integerVariable({ default: 30, min: 1, max: 3650 }),
  SMTP_URL: z
    .url({ protocol: /^smtps?$/, hostname: /./, error: 'must be an smtp:// or smtps:// URL' })
    // The SMTP client would read options from a query, such as debugging and unchecked certificates.
    .refine((url) => !/[?#]/.test(url), 'must end after the port')
    .optional(),
  SMTP_FROM: z
    .string()
    .regex(/^[^\p{Cc}]*[^\s@<]+@[^\s@>]+>?$/u, 'must be an address, or NAME <ADDRESS>')
    .optional(),
};

const schema = environment({
  ...serverVariables({ port: 8080 }),
  ...databaseVariables,
  ...offerVariables,
  ...admissionVariables,
  ...eventVariables,
  ...notificationVariables,
  CHECKOUT_MODE: z.enum(checkoutModes).default('sync'),
  CONFIRM_PAYMENT_URL: baseUrlVariable('http://localhost:8000'),
  CONFIRM_PAYMENT_TIMEOUT_MS: integerVariable({ default: 2000, min: 1, max: 60_000 }),
  // The checkout makes the first attempt, so less than two would mean no retry.
  RETRY_ATTEMPTS: integerVariable({ default: 10, min: 2, max: 1000 }),
  RETRY_BASE_MS: integerVariable({ default: 500, min: 1, max: 3_600_000 }),
  RETRY_CAP_MS: integerVariable({ default: 60_000, min: 1, max: 86_400_000 }),
  IDEMPOTENCY_TTL_HOURS: integerVariable({ default: 24, min: 1, max: 8760 }),
}).superRefine((config, context) => {
  const refuse = (variable: keyof typeof config, message: string) => {
    context.addIssue({ code: 'custom', path: [variable], message });
  };
  if (config.SMTP_URL !== undefined && config.SMTP_FROM === undefined) {
    refuse('SMTP_FROM', 'must be set where SMTP_URL is');
  }
  for (const variable of ['APPROVAL_TRANSPORT', 'EVENT_BUS'] as const) {
    if (config[variable] !== 'pubsub' || config.PUBSUB_PROJECT_ID !== undefined) continue;
    refuse('PUBSUB_PROJECT_ID', `must be set for ${variable}=pubsub`);
  }
  if (config.AUTH_MODE !== 'jwt') return;
  for (const variable of ['AUTH_ISSUER', 'AUTH_AUDIENCE'] as const) {
    if (config[variable] === undefined) refuse(variable, 'must be set for AUTH_MODE=jwt');
  }
  if ((config.AUTH_JWKS_URL === undefined) === (config.AUTH_JWKS_FILE === undefined)) {
    refuse('AUTH_JWKS_URL', 'must be set for AUTH_MODE=jwt, or AUTH_JWKS_FILE, and not both');
  }
  const { AUTH_JWKS_URL: jwksUrl } = config;
  if (
    config.NODE_ENV === 'production' &&
    jwksUrl !== undefined &&
    new URL(jwksUrl).protocol !== 'https:'
  ) {
    refuse('AUTH_JWKS_URL', 'must be an https:// URL for NODE_ENV=production');
  }
});

/** Names of all variables. */
export const variableNames = Object.keys(schema.shape);

export type Config = z.output<typeof schema>;

/** @throws {ConfigError} naming every invalid variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return readEnv(schema, env);
}

/**
 * Reads only the provider settings, for commands that need no more.
 *
 * @throws {ConfigError} naming every invalid variable.
 */
export function readOfferConfig(env: NodeJS.ProcessEnv): OfferConfig {
  return readEnv(z.object(offerVariables), env);
}

type OfferConfig = z.output<z.ZodObject<typeof offerVariables>>;

/**
 * Reads only the database settings, for commands that need no more.
 *
 * @throws {ConfigError} naming every invalid variable.
 */
export function readDatabaseConfig(env: NodeJS.ProcessEnv): DatabaseOptions {
  return readEnv(z.object(databaseVariables), env);
}
