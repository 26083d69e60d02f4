import { z } from 'zod';
import type { CamelCased } from './camel-case';
import { idSchema } from './id';

/** The fields of every offer. Rates are percent per year, amounts in currency units. */
export const offerSchema = z.object({
  id: idSchema.meta({ example: 'offer2' }),
  provider: idSchema.meta({ example: 'ProviderB' }),
  rate: z.number().positive().max(100).meta({ description: 'Percent a year.', example: 2.9 }),
  amount: z
    .number()
    .positive()
    .meta({ description: 'In units of the currency, not cents.', example: 12000 }),
});

/** Percent per year. */
export const percent = z.number();
/** In currency units. */
export const money = z.number();

/** Optional details that some providers give, as responses name them. */
export const offerDetailsSchema = z.object({
  name: z.string().optional(),
  currency: z.string().optional(),
  rate_max: percent.optional().meta({ description: 'The highest rate that a borrower may get.' }),
  representative_rate: percent.optional().meta({ description: 'The rate of a typical borrower.' }),
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
});

export type OfferDetails = CamelCased<z.output<typeof offerDetailsSchema>>;

/** A fee charged every `months` (a fraction if the provider counts in days or weeks). */
export type PeriodicFee = NonNullable<OfferDetails['fees']>['periodic'][number];

export type Offer = Readonly<z.output<typeof offerSchema> & OfferDetails>;
