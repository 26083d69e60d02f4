import { integerVariable, readEnv } from '@loan-buddy/kit';
import { z } from 'zod';

const schema = z.object({
  OFFERS_PORT: integerVariable({ default: 8080, min: 1, max: 65_535 }),
  CONFIRM_PAYMENT_PORT: integerVariable({ default: 8000, min: 1, max: 65_535 }),
});

export type Config = z.output<typeof schema>;

/** @throws {ConfigError} naming every faulty variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return readEnv(schema, env);
}
