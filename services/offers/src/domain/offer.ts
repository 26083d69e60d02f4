import { z } from 'zod';
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

/** A fee charged every `months` (a fraction if the provider counts in days or weeks). */
export interface PeriodicFee {
  amount: number;
  months: number;
}

/** Optional details that some providers give. */
export interface OfferDetails {
  name?: string | undefined;
  /** ISO 4217. */
  currency?: string | undefined;
  /** The highest rate that a borrower may get instead of `rate`. */
  rateMax?: number | undefined;
  /** The rate of a typical borrower. */
  representativeRate?: number | undefined;
  /** The provider's own rate including fees, on the basis that its law prescribes; see docs/rates.md. */
  comparisonRate?: number | undefined;
  minAmount?: number | undefined;
  maxAmount?: number | undefined;
  minTermMonths?: number | undefined;
  maxTermMonths?: number | undefined;
  fees?: { upfront: number; periodic: readonly PeriodicFee[] } | undefined;
  /** Where to read more or apply. */
  url?: string | undefined;
  /** Doubtful values in the provider's data. */
  flags?: readonly string[] | undefined;
}

export type Offer = Readonly<z.output<typeof offerSchema> & OfferDetails>;
