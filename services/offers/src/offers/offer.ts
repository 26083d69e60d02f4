import { z } from 'zod';
import { idSchema } from '../id';

/** What every offer has, whoever makes it. Rates are percent a year, amounts in units of the currency. */
export const offerSchema = z.object({
  id: idSchema.meta({ example: 'offer2' }),
  provider: idSchema.meta({ example: 'ProviderB' }),
  rate: z.number().positive().max(100).meta({ description: 'Percent a year.', example: 2.9 }),
  amount: z
    .number()
    .positive()
    .meta({ description: 'In units of the currency, not cents.', example: 12000 }),
});

/** A charge that comes back every `months` (a fraction where the lender counts in days or weeks). */
export interface PeriodicFee {
  amount: number;
  months: number;
}

/** What some lenders say of an offer besides. */
export interface OfferDetails {
  /** The product's name. */
  name?: string | undefined;
  /** ISO 4217. */
  currency?: string | undefined;
  /** The highest rate a borrower may get instead of `rate`. */
  rateMax?: number | undefined;
  /** What a typical borrower gets. */
  representativeRate?: number | undefined;
  /** The lender's own figure with fees, on the basis its law prescribes; see docs/rates.md. */
  comparisonRate?: number | undefined;
  minAmount?: number | undefined;
  maxAmount?: number | undefined;
  minTermMonths?: number | undefined;
  maxTermMonths?: number | undefined;
  fees?: { upfront: number; periodic: readonly PeriodicFee[] } | undefined;
  /** Where to read on or apply. */
  url?: string | undefined;
  /** What was doubtful in the lender's own data. */
  flags?: readonly string[] | undefined;
}

/** One loan that a provider offers. */
export type Offer = Readonly<z.output<typeof offerSchema> & OfferDetails>;
