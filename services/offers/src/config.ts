import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { baseUrlSchema } from './client/base-url';
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

/** By topic. docs/configuration.md shows their descriptions. */
export const variables = {
  server: serverVariables({ port: 8080 }),
  orders: {
    CHECKOUT_MODE: z
      .enum(checkoutModes)
      .default('sync')
      .describe('`async`: a checkout without `Prefer` returns 202 at once'),
    CONFIRM_PAYMENT_URL: baseUrlSchema
      .default('http://localhost:8000')
      .describe('base URL of `confirm-payment`; `npm start` sets it'),
    CONFIRM_PAYMENT_TIMEOUT_MS: integerVariable({ default: 2000, min: 1, max: 60_000 }).describe(
      'deadline of one call to it; a checkout waits up to this, plus `DATABASE_TIMEOUT_MS` per statement',
    ),
    // The checkout makes the first attempt, so less than two would mean no retry.
    RETRY_ATTEMPTS: integerVariable({ default: 10, min: 2, max: 1000 }).describe(
      'attempts after which an order is `FAILED`',
    ),
    RETRY_BASE_MS: integerVariable({ default: 500, min: 1, max: 3_600_000 }).describe(
      'delay after the first attempt, doubled after each further one',
    ),
    RETRY_CAP_MS: integerVariable({ default: 60_000, min: 1, max: 86_400_000 }).describe(
      'maximum of that delay',
    ),
    BREAKER_FAILURES: integerVariable({ default: 5, min: 1, max: 1000 }).describe(
      'consecutive failures that open a circuit breaker, of `confirm-payment` or a provider',
    ),
    BREAKER_OPEN_MS: integerVariable({ default: 5000, min: 1, max: 600_000 }).describe(
      'how long a circuit breaker stays open',
    ),
    IDEMPOTENCY_TTL_HOURS: integerVariable({ default: 24, min: 1, max: 8760 }).describe(
      'how long an `Idempotency-Key` is remembered',
    ),
  },
  database: {
    DATABASE_URL: z
      .string()
      .regex(/^(memory:$|postgres(ql)?:\/\/)/, 'must be a postgres:// URL or memory:')
      .optional()
      .describe(
        '`postgres://…`: a PostgreSQL server; `memory:`: an embedded database that is lost at exit; unset: the embedded database in `DATA_DIR`',
      ),
    DATA_DIR: z
      .string()
      .default(DEFAULT_DATA_DIR)
      .describe('folder of the embedded database; one process at a time'),
    DATABASE_POOL_SIZE: integerVariable({ default: 10, min: 1, max: 1000 }).describe(
      'connections to the server',
    ),
    DATABASE_TIMEOUT_MS: integerVariable({ default: 2000, min: 1, max: 60_000 }).describe(
      'longest time to connect to the database, and for one statement',
    ),
  },
  catalogue: {
    PROVIDERS_FILE: jsonFileVariable(providersSchema)
      .optional()
      .describe('JSON file that lists the providers; unset: three mocks'),
    PROVIDER_TIMEOUT_MS: integerVariable({ default: 1000, min: 1, max: 60_000 }).describe(
      'how long a request waits for providers',
    ),
    OFFERS_TTL_MS: integerVariable({ default: 5000, max: 3_600_000 }).describe(
      'how long offers of a provider are fresh',
    ),
    OFFERS_MAX_AGE_MS: integerVariable({ default: 60_000, max: 86_400_000 }).describe(
      'maximum age of stale offers, which are used while they are refreshed',
    ),
    APR_TYPE: z.enum(aprTypes).default('eu-effective').describe('how `apr` is expressed'),
    ALLOW_PRIVATE_PROVIDERS: flagVariable({ default: false }).describe(
      '`true`: allows providers at addresses that are not public, and without TLS',
    ),
    CDR_REGISTER_URL: baseUrlSchema
      .default('https://api.cdr.gov.au')
      .describe('base URL of the register in which `npm run providers -- list-brands` finds banks'),
  },
  page: {
    PAGE: z
      .enum(['on', 'off'])
      .default('on')
      .describe('`off`: a browser that opens `/` gets a redirect to `/docs` instead of the page'),
  },
  admission: {
    AUTH_ISSUER: z.string().optional().describe('the `iss` of valid tokens'),
    AUTH_AUDIENCE: z.string().optional().describe('the `aud` of valid tokens'),
    AUTH_JWKS_URL: z
      .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
      .optional()
      .describe('URL of the public keys of the issuer; https with `NODE_ENV=production`'),
    AUTH_JWKS_FILE: z
      .string()
      .refine(existsSync, 'is not there')
      .optional()
      .describe('file with these keys, instead of the URL'),
    AUTH_PUBLIC_OFFERS: flagVariable({ default: false }).describe('`true`: offers need no token'),
    RATE_LIMIT: z
      .enum(['on', 'off'])
      .optional()
      .describe('turns rate limits on or off; unset: on with `AUTH_MODE=jwt`'),
    RATE_LIMIT_READS: integerVariable({ default: 600, min: 1, max: 1_000_000_000 }).describe(
      'reads per minute and subject, or address without a token',
    ),
    RATE_LIMIT_WRITES: integerVariable({ default: 60, min: 1, max: 1_000_000_000 }).describe(
      'writes per minute and subject, or address without a token',
    ),
    CORS_ORIGINS: z
      .string()
      .transform((text) => text.split(',').map((origin) => origin.trim()))
      .refine(
        (origins) => origins.every((each) => URL.canParse(each) && new URL(each).origin === each),
        'must be origins such as https://app.example.com, separated by commas',
      )
      .optional()
      .describe('origins whose pages may call the API, separated by commas; unset: none'),
    TRUST_PROXY: integerVariable({ default: 0, max: 10 }).describe(
      'number of reverse proxies trusted in `X-Forwarded-For`',
    ),
  },
  events: {
    EVENT_BUS: z
      .enum(['none', 'pubsub'])
      .default('none')
      .describe('`pubsub`: publishes the events of orders'),
    EVENT_RETENTION_DAYS: integerVariable({ default: 0, max: 36_500 }).describe(
      'how long the events of an order are kept after its last one, if nothing is pending; 0: for ever',
    ),
    DECISION_TIMEOUT_MS: integerVariable({ default: 5000, min: 1, max: 86_400_000 }).describe(
      'with `APPROVAL_TRANSPORT=pubsub`: time until the worker requests a decision again',
    ),
    PUBSUB_DECISIONS_SUBSCRIPTION: topicVariable('loan-buddy-decisions-offers').describe(
      'subscription to decisions',
    ),
    PUBSUB_EVENTS_TOPIC: topicVariable('loan-buddy-order-events').describe(
      'topic of the events of orders',
    ),
  },
  notification: {
    WEBHOOK_TIMEOUT_MS: integerVariable({ default: 15_000, min: 1, max: 60_000 }).describe(
      'deadline of one attempt to deliver a webhook',
    ),
    ALLOW_PRIVATE_WEBHOOKS: flagVariable({ default: false }).describe(
      '`true`: allows receivers at addresses that are not public, and without TLS',
    ),
    NOTIFICATION_RETENTION_DAYS: integerVariable({ default: 30, min: 1, max: 3650 }).describe(
      'how long finished deliveries and e-mail jobs are kept',
    ),
    SMTP_URL: z
      .url({ protocol: /^smtps?$/, hostname: /./, error: 'must be an smtp:// or smtps:// URL' })
      // The SMTP client would read options from a query, such as debugging and unchecked certificates.
      .refine((url) => !/[?#]/.test(url), 'must end after the port')
      .optional()
      .describe('`smtp://` or `smtps://` URL of the mail server; unset: no e-mail'),
    SMTP_FROM: z
      .string()
      .regex(/^[^\p{Cc}]*[^\s@<]+@[^\s@>]+>?$/u, 'must be an address, or NAME <ADDRESS>')
      .optional()
      .describe('sender of e-mails, `ADDRESS` or `NAME <ADDRESS>`'),
  },
};

const schema = environment({
  ...variables.server,
  ...messageBusVariables,
  ...variables.orders,
  ...variables.database,
  ...variables.catalogue,
  ...variables.page,
  ...variables.admission,
  ...variables.events,
  ...variables.notification,
}).superRefine((config, context) => {
  const refuse = (variable: keyof typeof config, message: string) => {
    context.addIssue({ code: 'custom', path: [variable], message });
  };
  const requireSet = (variable: keyof typeof config, reason: string) => {
    if (config[variable] === undefined) refuse(variable, `must be set ${reason}`);
  };
  if (config.SMTP_URL !== undefined) requireSet('SMTP_FROM', 'where SMTP_URL is');
  for (const variable of ['APPROVAL_TRANSPORT', 'EVENT_BUS'] as const) {
    if (config[variable] === 'pubsub') requireSet('PUBSUB_PROJECT_ID', `for ${variable}=pubsub`);
  }
  if (config.AUTH_MODE !== 'jwt') return;
  requireSet('AUTH_ISSUER', 'for AUTH_MODE=jwt');
  requireSet('AUTH_AUDIENCE', 'for AUTH_MODE=jwt');
  if ((config.AUTH_JWKS_URL === undefined) === (config.AUTH_JWKS_FILE === undefined)) {
    refuse('AUTH_JWKS_URL', 'must be set for AUTH_MODE=jwt, or AUTH_JWKS_FILE, and not both');
  }
  const { AUTH_JWKS_URL: url, NODE_ENV } = config;
  if (NODE_ENV === 'production' && url !== undefined && new URL(url).protocol !== 'https:') {
    refuse('AUTH_JWKS_URL', 'must be an https:// URL for NODE_ENV=production');
  }
});

export const variableNames = Object.keys(schema.shape);

export type Config = z.output<typeof schema>;

/** @throws {ConfigError} naming every invalid variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return readEnv(schema, env);
}

/** As {@link readConfig}, but only the provider settings, for commands that need no more. */
export function readOfferConfig(env: NodeJS.ProcessEnv) {
  return readEnv(z.object(variables.catalogue), env);
}

/** As {@link readConfig}, but only the database settings, for commands that need no more. */
export function readDatabaseConfig(env: NodeJS.ProcessEnv): DatabaseOptions {
  return readEnv(z.object(variables.database), env);
}
