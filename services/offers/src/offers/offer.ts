import { z } from 'zod';

/** An identifier that somebody else chose: 1 to 128 characters, none of them a control character or broken Unicode. */
export const idSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(128, 'must have at most 128 characters')
  // Not as a pattern: in the published schema its flag would be lost.
  .refine((text) => !/[\p{Cc}\p{Cs}]/u.test(text), 'must not contain control characters');

/** One loan that a provider offers. */
export const offerSchema = z
  .object({
    id: idSchema.meta({ example: 'offer2' }),
    provider: idSchema.meta({ example: 'ProviderB' }),
    rate: z.number().positive().max(100).meta({ description: 'Percent a year.', example: 2.9 }),
    amount: z
      .number()
      .positive()
      .meta({ description: 'In units of the currency, not cents.', example: 12000 }),
  })
  .meta({ id: 'Offer' });

export type Offer = Readonly<z.output<typeof offerSchema>>;

/** Cheapest first; ids settle ties, so that the order is always the same. */
export function compareOffers(a: Offer, b: Offer): number {
  return a.rate - b.rate || (a.id < b.id ? -1 : 1);
}
