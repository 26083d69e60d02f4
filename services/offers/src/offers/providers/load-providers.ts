import { readFile } from 'node:fs/promises';
import { ConfigError } from '@loan-buddy/kit';
import { z } from 'zod';
import { offerSchema } from '../offer';
import type { Provider } from '../provider';
import { createMockProvider, defaultMocks, mockFaults } from './mock-provider';

const mockSchema = z.strictObject({
  type: z.literal('mock'),
  name: offerSchema.shape.provider,
  offers: z.array(offerSchema.omit({ provider: true }).strict()).min(1),
  latencyMs: z.int().min(0).max(600_000).optional(),
  fault: z.enum(mockFaults).optional(),
});

const providersSchema = z
  .array(mockSchema)
  .min(1)
  .refine((providers) => allDiffer(providers.map(({ name }) => name)), 'two have the same name')
  .refine(
    (providers) => allDiffer(providers.flatMap(({ offers }) => offers.map(({ id }) => id))),
    'two offers have the same id',
  );

/**
 * The providers to ask: those a JSON file lists, or the three mocks where no file is named.
 *
 * @throws {ConfigError} where the file cannot be read or does not list providers.
 */
export async function loadProviders(file: string | undefined): Promise<Provider[]> {
  if (file === undefined) return defaultMocks.map(createMockProvider);
  const result = providersSchema.safeParse(await readJson(file));
  if (result.success) return result.data.map(createMockProvider);
  throw new ConfigError(`PROVIDERS_FILE ${file} is not valid\n${z.prettifyError(result.error)}`);
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`PROVIDERS_FILE ${file} cannot be read: ${reason}`, { cause: error });
  }
}

function allDiffer(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
