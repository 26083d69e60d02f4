import { z } from 'zod';
import { offerSchema } from '../domain/offer';
import { aprTypes, type PricedOffer } from '../catalogue/price-offer';

const percent = z.number();
const money = z.number();

/** An offer in a response. The four fields that every client knows come first; only they are always present. */
export const offerBodySchema = offerSchema
  .extend({
    monthly_payment: money.optional().meta({
      description: 'What is paid each month over `term_months`, periodic fees included.',
    }),
    total_cost: money.optional().meta({
      description: 'All that is paid over the term: the amount, its interest, and the fees.',
    }),
    apr: percent.optional().meta({
      description: 'What it costs in percent a year, fees included; of the kind `apr_type` names.',
    }),
    apr_type: z.enum(aprTypes).optional(),
    name: z.string().optional(),
    currency: z.string().optional(),
    rate_max: percent.optional().meta({ description: 'The highest rate one may get instead.' }),
    representative_rate: percent
      .optional()
      .meta({ description: 'The rate a typical borrower gets.' }),
    comparison_rate: percent.optional().meta({
      description: 'The lender’s own figure with fees, on the basis the law prescribes.',
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
      .meta({ description: 'What was doubtful in the lender’s own data.' }),
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
