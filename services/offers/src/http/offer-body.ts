import { z } from 'zod';
import { fromCamelCase } from '../domain/camel-case';
import { money, offerDetailsSchema, offerSchema, percent } from '../domain/offer';
import { aprTypes, type PricedOffer } from '../catalogue/price-offer';

/** An offer in a response. The four fields that every client knows come first; only they are always present. */
export const offerBodySchema = offerSchema
  .extend({
    monthly_payment: money.optional().meta({
      description:
        'The monthly payment over `term_months`, including periodic fees. Rounded to cents, and up if the total would otherwise be below what was lent.',
    }),
    total_cost: money.optional().meta({
      description: 'The total paid over the term: the amount, the interest and the fees.',
    }),
    apr: percent.optional().meta({
      description:
        'The annual percentage rate including fees, on the basis in `apr_type`. Missing if fees consume so much of the amount that it would be above 10,000.',
    }),
    apr_type: z.enum(aprTypes).optional(),
    ...offerDetailsSchema.shape,
  })
  .meta({
    id: 'Offer',
    example: { id: 'offer2', provider: 'ProviderB', rate: 2.9, amount: 12_000 },
  });

const copyFields = fromCamelCase(offerBodySchema);

export function offerBody(offer: PricedOffer) {
  return copyFields(offer.price ? { ...offer, ...offer.price } : offer);
}
