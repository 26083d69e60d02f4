import { baseUrlVariable, integerVariable, readEnv, serverVariables } from '@loan-buddy/kit';
import { z } from 'zod';

const schema = z.object({
  ...serverVariables({ port: 8080 }),
  CONFIRM_PAYMENT_URL: baseUrlVariable('http://localhost:8000'),
  CONFIRM_PAYMENT_TIMEOUT_MS: integerVariable({ default: 2000, min: 1, max: 60_000 }),
  PROVIDERS_FILE: z.string().optional(),
  PROVIDER_TIMEOUT_MS: integerVariable({ default: 1000, min: 1, max: 60_000 }),
});

export type Config = z.output<typeof schema>;

/** @throws {ConfigError} naming every faulty variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return readEnv(schema, env);
}
