import { z } from 'zod';
import { offerSchema } from '../domain/offer';
import { aprTypes, type PricedOffer } from '../catalogue/price-offer';

const percent = z.number();
const money = z.number();

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
    name: z.string().optional(),
    currency: z.string().optional(),
    rate_max: percent.optional().meta({ description: 'The highest rate that a borrower may get.' }),
    representative_rate: percent
      .optional()
      .meta({ description: 'The rate of a typical borrower.' }),
    comparison_rate: percent.optional().meta({
      description: 'The provider’s own rate including fees, on the basis that its law prescribes.',
    }),
    min_amount: money.optional(),
    max_amount: money.optional(),
    min_term_months: z.number().optional(),
    max_term_months: z.number().optional(),
    fees: z
      .object({
        upfront: money,
        periodic: z.array(z.object({ amount: money, months: z.number() })).readonly(),
      })
      .optional(),
    url: z.string().optional(),
    flags: z
      .array(z.string())
      .readonly()
      .optional()
      .meta({ description: 'Doubtful values in the provider’s data.' }),
  })
  .meta({
    id: 'Offer',
    example: { id: 'offer2', provider: 'ProviderB', rate: 2.9, amount: 12_000 },
  });

type OfferBody = z.output<typeof offerBodySchema>;

export function offerBody(offer: PricedOffer): OfferBody {
  const { id, provider, rate, amount, price } = offer;
  // JSON omits undefined fields.
  return {
    id,
    provider,
    rate,
    amount,
    monthly_payment: price?.monthlyPayment,
    total_cost: price?.totalCost,
    apr: price?.apr,
    apr_type: price?.aprType,
    name: offer.name,
    currency: offer.currency,
    rate_max: offer.rateMax,
    representative_rate: offer.representativeRate,
    comparison_rate: offer.comparisonRate,
    min_amount: offer.minAmount,
    max_amount: offer.maxAmount,
    min_term_months: offer.minTermMonths,
    max_term_months: offer.maxTermMonths,
    fees: offer.fees,
    url: offer.url,
    flags: offer.flags,
  };
}
