import { readFileSync } from 'node:fs';
import { z } from 'zod';
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
 * Reads the configuration from an environment. An empty variable counts as unset. `NAME_FILE` may name a file that
 * holds the value of `NAME`, without its final newline. The message never repeats a value, since any of them may be a
 * secret.
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
  for (const { path, message } of result.error?.issues ?? []) {
    faults.push(`${path.join('.') || 'environment'}: ${message}`);
  }
  throw new ConfigError(['invalid configuration', ...faults].join('\n  '));
}

/** Sets each variable that is given as a file. Returns the faults. */
function readFiles(env: NodeJS.ProcessEnv, names: readonly string[]): string[] {
  const faults: string[] = [];
  for (const name of names) {
    const file = env[`${name}_FILE`];
    if (file === undefined || names.includes(`${name}_FILE`)) continue;
    if (env[name] !== undefined) {
      faults.push(`${name}_FILE: set either ${name} or ${name}_FILE, not both`);
      continue;
    }
    try {
      env[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      faults.push(`${name}_FILE: ${file} cannot be read (${code})`);
    }
  }
  return faults;
}
