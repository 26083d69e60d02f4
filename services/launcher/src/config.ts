import { flagVariable, integerVariable, readEnv } from '@loan-buddy/kit/process';
import { z } from 'zod';

const schema = z.object({
  OFFERS_PORT: integerVariable({ default: 8080, min: 1, max: 65_535 }),
  CONFIRM_PAYMENT_PORT: integerVariable({ default: 8000, min: 1, max: 65_535 }),
  /** Without authentication, only this machine may connect. */
  HOST: z.string().default('127.0.0.1'),
  LOG_AUDIT: flagVariable({ default: false }),
});

export type Config = z.output<typeof schema>;

/** @throws {ConfigError} naming every faulty variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return readEnv(schema, env);
}
