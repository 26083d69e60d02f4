import { z } from 'zod';
import { offerSchema } from '../offer';
import { MAX_OFFERS, type Provider } from '../provider';
import { createMockProvider, defaultMocks, mockFaults } from './mock-provider';

const mockSchema = z.strictObject({
  type: z.literal('mock'),
  name: offerSchema.shape.provider,
  offers: z
    .array(offerSchema.omit({ provider: true }).strict())
    .min(1)
    .max(MAX_OFFERS),
  latencyMs: z.int().min(0).max(600_000).optional(),
  fault: z.enum(mockFaults).optional(),
});

/** The providers to ask, as an operator lists them. */
export const providersSchema = z
  .array(mockSchema)
  .min(1)
  .refine((providers) => allDiffer(providers.map(({ name }) => name)), 'two have the same name')
  .refine(
    (providers) => allDiffer(providers.flatMap(({ offers }) => offers.map(({ id }) => id))),
    'two offers have the same id',
  );

/** The listed providers, or the three mocks where nothing is listed. */
export function createProviders(listed?: z.output<typeof providersSchema>): Provider[] {
  return (listed ?? defaultMocks).map(createMockProvider);
}

function allDiffer(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
