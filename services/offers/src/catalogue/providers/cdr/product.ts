import { z } from 'zod';

// Parsed by shape, not by version, and field by field: an invalid field counts as missing.

const text = z.string().trim().optional().catch(undefined);

/** Numbers before version 6 of the product detail, strings since. */
const amountText = z
  .union([z.string(), z.number().transform(String)])
  .optional()
  .catch(undefined);

/** Maximum entries to read: real products have a tenth as many. */
export const MAX_ENTRIES = 100;
const MAX_TIERS = 20;

function list<Item extends z.ZodType>(item: Item, maxEntries = MAX_ENTRIES) {
  const entries = z.array(item.nullable().catch(null));
  return z
    .preprocess(
      (value): unknown[] => (Array.isArray(value) ? value.slice(0, maxEntries) : []),
      entries,
    )
    .transform((items) => items.filter((each) => each !== null));
}

const tier = z.object({
  name: text,
  unitOfMeasure: text,
  minimumValue: amountText,
  maximumValue: amountText,
});

const lendingRate = z.object({
  lendingRateType: text,
  rate: text,
  comparisonRate: text,
  additionalValue: text,
  additionalInfo: text,
  tiers: list(tier, MAX_TIERS),
});

const fee = z.object({
  feeType: text,
  additionalValue: text,
  /** Before version 6; since then, {@link fixedAmount}. */
  amount: amountText,
  fixedAmount: z.object({ amount: amountText }).optional().catch(undefined),
});

const limit = z.object({ constraintType: text, additionalValue: text });

/** Maximum length of an offer id too. */
const MAX_ID = 128;

/** A product's entry in a list. */
export const listedProductSchema = z.object({
  productId: z.string().min(1).max(MAX_ID),
  productCategory: text,
  effectiveFrom: text,
  effectiveTo: text,
});

/** A product's own page. */
export const productSchema = listedProductSchema.omit({ productId: true }).extend({
  name: text,
  description: text,
  brandName: text,
  applicationUri: text,
  additionalInformation: z.object({ overviewUri: text }).optional().catch(undefined),
  constraints: list(limit),
  eligibility: list(z.object({ eligibilityType: text, additionalInfo: text })),
  fees: list(fee),
  lendingRates: list(lendingRate),
});

export type ListedProduct = z.output<typeof listedProductSchema>;
export type Product = ListedProduct & z.output<typeof productSchema>;
export type LendingRate = z.output<typeof lendingRate>;
export type Tier = z.output<typeof tier>;
export type Fee = z.output<typeof fee>;
export type Limit = z.output<typeof limit>;
