import { flagVariable, integerVariable, readEnv } from '@loan-buddy/kit/process';
import { z } from 'zod';

/** docs/configuration.md shows their descriptions. */
export const variables = {
  OFFERS_PORT: integerVariable({ default: 8080, min: 1, max: 65_535 }).describe('port of `offers`'),
  CONFIRM_PAYMENT_PORT: integerVariable({ default: 8000, min: 1, max: 65_535 }).describe(
    'port of `confirm-payment`',
  ),
  // Without authentication, only this machine may connect.
  HOST: z
    .string()
    .default('127.0.0.1')
    .describe('address of both services; `0.0.0.0`: other machines can reach them'),
  LOG_AUDIT: flagVariable({ default: false }).describe('`true`: shows audit lines'),
};

export type Config = ReturnType<typeof readConfig>;

/** @throws {ConfigError} naming every faulty variable. */
export function readConfig(env: NodeJS.ProcessEnv) {
  return readEnv(z.object(variables), env);
}
