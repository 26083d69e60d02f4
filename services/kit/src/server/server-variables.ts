import { z } from 'zod';
import { MIN_SECRET_CHARS } from '../admission/service-token';
import { integerVariable } from '../process/env';

const MIN_CHARS = `at least ${String(MIN_SECRET_CHARS)} characters`;
const serviceSecret = z.string().min(MIN_SECRET_CHARS, `must have ${MIN_CHARS} each`);

/** The first secret signs. */
const serviceSecretsVariable = z
  .string()
  .transform((text) => text.split(',').map((secret) => secret.trim()))
  .pipe(z.array(serviceSecret).max(2, 'must be one secret, or two separated by a comma'))
  .optional();

/** The variables that every HTTP process reads. docs/configuration.md shows their descriptions. */
export function serverVariables(defaults: { port: number }) {
  return {
    PORT: integerVariable({ default: defaults.port, max: 65_535 }).describe(
      'port to listen on; `npm start` sets it',
    ),
    HOST: z.string().default('0.0.0.0').describe('address to listen on; `npm start` sets it'),
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .describe('least severe level that is logged'),
    LOG_FORMAT: z
      .enum(['json', 'google'])
      .default('json')
      .describe('`google`: as Cloud Logging reads it'),
    GOOGLE_CLOUD_PROJECT: z
      .string()
      .optional()
      .describe(
        'with `LOG_FORMAT=google`: the project of the traces; if unset, `PUBSUB_PROJECT_ID`',
      ),
    SHUTDOWN_DELAY_MS: integerVariable({ default: 300, max: 60_000 }).describe(
      'how long the listener stays open after SIGTERM; less than `SHUTDOWN_TIMEOUT_MS`',
    ),
    SHUTDOWN_TIMEOUT_MS: integerVariable({ default: 10_000, min: 1, max: 600_000 }).describe(
      'longest time to finish requests in flight',
    ),
    MAX_CONNECTIONS: integerVariable({ default: 10_000, min: 1, max: 1_000_000 }).describe(
      'open connections; beyond it, the longest unused one is closed, or one whose client does not read',
    ),
    MAX_CONCURRENT_REQUESTS: integerVariable({ default: 200, min: 1, max: 100_000 }).describe(
      'requests in progress, a read counts a quarter; beyond it, 503 at once',
    ),
    NODE_ENV: z
      .string()
      .optional()
      .describe('`production`: refuses to start without a choice of `AUTH_MODE`'),
    AUTH_MODE: z
      .enum(['none', 'jwt'])
      .optional()
      .describe('`jwt`: clients need a token; `none` or unset: no authentication'),
    SERVICE_AUTH_SECRETS: serviceSecretsVariable.describe(
      `secret of the calls between the two services, of ${MIN_CHARS}; two, separated by a comma, while you replace it`,
    ),
  };
}

export type ServerConfig = z.output<z.ZodObject<ReturnType<typeof serverVariables>>>;

/** The schema of a whole environment: {@link serverVariables} and the service's own. */
export function environment<Shape extends z.ZodRawShape & ReturnType<typeof serverVariables>>(
  shape: Shape,
): z.ZodObject<Shape> {
  return z.object(shape).superRefine((values, context) => {
    const config = values as ServerConfig;
    const refuse = (variable: keyof ServerConfig, message: string) => {
      context.addIssue({ code: 'custom', path: [variable], message });
    };
    if (config.SHUTDOWN_DELAY_MS >= config.SHUTDOWN_TIMEOUT_MS) {
      refuse('SHUTDOWN_DELAY_MS', 'must be less than SHUTDOWN_TIMEOUT_MS');
    }
    if (config.NODE_ENV === 'production' && config.AUTH_MODE === undefined) {
      refuse('AUTH_MODE', 'must be set for NODE_ENV=production: jwt, or none to allow everyone');
    }
    if (config.AUTH_MODE === 'jwt' && config.SERVICE_AUTH_SECRETS === undefined) {
      refuse('SERVICE_AUTH_SECRETS', 'must be set for AUTH_MODE=jwt');
    }
  });
}
