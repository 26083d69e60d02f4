import { z } from 'zod';

/** One loan that a provider offers. */
export const offerSchema = z
  .object({
    id: z.string().min(1).max(128).meta({ example: 'offer2' }),
    provider: z.string().min(1).max(128).meta({ example: 'ProviderB' }),
    rate: z.number().positive().max(100).meta({ description: 'Percent a year.', example: 2.9 }),
    amount: z.number().positive().meta({ description: 'In whole units.', example: 12000 }),
  })
  .meta({ id: 'Offer' });

export type Offer = Readonly<z.output<typeof offerSchema>>;

/** Cheapest first; ids settle ties, so that the order is always the same. */
export function compareOffers(a: Offer, b: Offer): number {
  return a.rate - b.rate || (a.id < b.id ? -1 : 1);
}
