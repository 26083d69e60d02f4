import {
  environment,
  integerVariable,
  ratioVariable,
  readEnv,
  serverVariables,
} from '@loan-buddy/kit';
import type { z } from 'zod';

const schema = environment({
  ...serverVariables({ port: 8000 }),
  APPROVAL_THRESHOLD: integerVariable({ default: 10_000 }),
  SIMULATED_LATENCY_MS: integerVariable({ default: 0, max: 600_000 }),
  SIMULATED_FAILURE_RATE: ratioVariable({ default: 0 }),
});

export type Config = z.output<typeof schema>;

/** @throws {ConfigError} naming every faulty variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return readEnv(schema, env);
}
