import {
  baseUrlVariable,
  environment,
  integerVariable,
  jsonFileVariable,
  readEnv,
  serverVariables,
} from '@loan-buddy/kit';
import type { z } from 'zod';
import { providersSchema } from './offers/providers/provider-config';

const schema = environment({
  ...serverVariables({ port: 8080 }),
  CONFIRM_PAYMENT_URL: baseUrlVariable('http://localhost:8000'),
  CONFIRM_PAYMENT_TIMEOUT_MS: integerVariable({ default: 2000, min: 1, max: 60_000 }),
  PROVIDERS_FILE: jsonFileVariable(providersSchema).optional(),
  PROVIDER_TIMEOUT_MS: integerVariable({ default: 1000, min: 1, max: 60_000 }),
});

export type Config = z.output<typeof schema>;

/** @throws {ConfigError} naming every faulty variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return readEnv(schema, env);
}
