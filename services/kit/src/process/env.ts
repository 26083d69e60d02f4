import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { MIN_SECRET_CHARS } from '../admission/service-token';
import { StartError } from './start-error';

/** The environment does not describe a runnable configuration. The message names every faulty variable. */
export class ConfigError extends StartError {
  readonly code = 'config-invalid';
}

/** A variable holding a whole number written in decimal digits, such as a port or a duration. */
export function integerVariable(limits: { default: number; min?: number; max?: number }) {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits;
  return z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .default(limits.default);
}

/** A variable that is `true` or `false`. */
export function flagVariable(options: { default: boolean }) {
  return z
    .enum(['true', 'false'], 'must be true or false')
    .transform((text) => text === 'true')
    .default(options.default);
}

/** A variable holding a decimal number between 0 and 1. */
export function ratioVariable(limits: { default: number }) {
  return z
    .string()
    .regex(/^\d*\.?\d+$/, 'must be a number from 0 to 1')
    .transform(Number)
    .pipe(z.number().min(0).max(1))
    .default(limits.default);
}

/**
 * An http or https URL. Drops trailing slashes, so that paths can be appended. Refuses user information, a query and a
 * fragment: none of them belongs in a base URL.
 */
export const baseUrlSchema = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .regex(/^[^@?#]*$/, 'must have no user information, query or fragment')
  .transform((url) => url.replace(/\/+$/, ''));

/** A variable holding a {@link baseUrlSchema}. */
export function baseUrlVariable(fallback: string) {
  return baseUrlSchema.default(fallback);
}

/**
 * A variable that names a JSON file (RFC 8259; a byte order mark is skipped). Its value is the content, parsed by
 * `schema`.
 */
export function jsonFileVariable<Schema extends z.ZodType>(schema: Schema) {
  return z
    .string()
    .transform((file, context): unknown => {
      try {
        return JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // The parser's message quotes the content, which may be a secret.
        const reason = code === undefined ? 'is not JSON' : `cannot be read (${code})`;
        context.addIssue({ code: 'custom', message: `${file} ${reason}` });
        return z.NEVER;
      }
    })
    .pipe(schema);
}

/** One secret, or two during a rotation, separated by a comma. The first signs. */
const serviceSecretsVariable = z
  .string()
  .transform((text) => text.split(',').map((secret) => secret.trim()))
  .pipe(
    z
      .array(
        z
          .string()
          .min(MIN_SECRET_CHARS, `must have at least ${String(MIN_SECRET_CHARS)} characters each`),
      )
      .max(2, 'must be one secret, or two separated by a comma'),
  )
  .optional();

/** The variables that every HTTP process reads. Durations are in milliseconds. */
export function serverVariables(defaults: { port: number }) {
  return {
    PORT: integerVariable({ default: defaults.port, max: 65_535 }),
    HOST: z.string().default('0.0.0.0'),
    LOG_LEVEL: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info'),
    SHUTDOWN_DELAY_MS: integerVariable({ default: 300, max: 60_000 }),
    SHUTDOWN_TIMEOUT_MS: integerVariable({ default: 10_000, min: 1, max: 600_000 }),
    MAX_CONNECTIONS: integerVariable({ default: 10_000, min: 1, max: 1_000_000 }),
    MAX_CONCURRENT_REQUESTS: integerVariable({ default: 200, min: 1, max: 100_000 }),
    NODE_ENV: z.string().optional(),
    AUTH_MODE: z.enum(['none', 'jwt']).optional(),
    SERVICE_AUTH_SECRETS: serviceSecretsVariable,
  };
}

/** The values of {@link serverVariables}. */
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
      refuse('AUTH_MODE', 'must be set for NODE_ENV=production: jwt, or none to let everybody in');
    }
    if (config.AUTH_MODE === 'jwt' && config.SERVICE_AUTH_SECRETS === undefined) {
      refuse('SERVICE_AUTH_SECRETS', 'must be set for AUTH_MODE=jwt');
    }
  });
}

/**
 * Reads the configuration from an environment. An empty variable counts as unset. `NAME_FILE` may name a file that
 * holds the value of `NAME`; the end of its last line is dropped. The message never repeats a value, since any of them
 * may be a secret.
 *
 * @throws {ConfigError} naming every faulty variable at once.
 */
export function readEnv<Schema extends z.ZodObject>(
  schema: Schema,
  env: NodeJS.ProcessEnv,
): z.output<Schema> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const faults = readFiles(present, Object.keys(schema.shape));
  const result = schema.safeParse(present);
  if (result.success && faults.length === 0) return result.data;
  const { issues = [] } = result.error ?? {};
  faults.push(
    ...issues.map((issue) => `${issue.path.join('.') || 'environment'}: ${issue.message}`),
  );
  throw new ConfigError(`invalid configuration\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
}

/** Sets each variable that is given as a file. Returns the faults. */
function readFiles(env: NodeJS.ProcessEnv, names: readonly string[]): string[] {
  const faults: string[] = [];
  for (const name of names) {
    const file = env[`${name}_FILE`];
    if (file === undefined || names.includes(`${name}_FILE`)) continue;
    if (env[name] !== undefined) {
      faults.push(`${name}_FILE: must not be set where ${name} is`);
      continue;
    }
    try {
      env[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      const { code = 'unreadable' } = error as NodeJS.ErrnoException;
      faults.push(`${name}_FILE: ${file} cannot be read (${code})`);
    }
  }
  return faults;
}

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
