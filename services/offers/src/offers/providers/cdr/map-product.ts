import { idSchema, type Offer, type OfferDetails, type PeriodicFee } from '../../offer';
import type { OfferQuery } from '../../provider';
import { parseAmount, parseMonths, parseRate } from './decimal';
import type { Fee, LendingRate, Limit, ListedProduct, Product, Tier } from './product';

/** Why a product makes no offer. */
export const dropReasons = [
  'unreadable',
  'not-found',
  'other-category',
  'not-effective',
  'staff-only',
  'no-usable-rate',
  'amount-outside-limits',
  'amount-outside-tiers',
  'term-outside-tiers',
  'id-unusable',
] as const;

export type DropReason = (typeof dropReasons)[number];

/** What is asked of a bank where nobody says how much: most lend it. */
export const DEFAULT_AMOUNT = 10_000;

const CATEGORY = 'PERS_LOANS';

/** Why a product is not for sale to the public now, as far as the list says already; undefined if it may be. */
export function refuseListed(product: ListedProduct, now: Date): DropReason | undefined {
  if (product.productCategory !== CATEGORY) return 'other-category';
  const from = Date.parse(product.effectiveFrom ?? '');
  const to = Date.parse(product.effectiveTo ?? '');
  // A date that cannot be read compares as false, and so refuses nothing.
  return now.getTime() < from || now.getTime() >= to ? 'not-effective' : undefined;
}

/**
 * Makes the offer of a bank's product, or says why there is none. The rules are those of docs/rates.md, in their order;
 * their numbers stand beside them.
 *
 * @param brand what the offer's provider is called
 */
export function mapProduct(
  product: Product,
  context: { id: string; brand: string; now: Date; query: OfferQuery },
): { offer: Offer } | { dropped: DropReason } {
  const { id, brand, now, query } = context;
  if (!idSchema.safeParse(id).success) return { dropped: 'id-unusable' };
  // 1: category, dates, staff
  const refused = refuseListed(product, now);
  if (refused) return { dropped: refused };
  if (product.eligibility.some(({ eligibilityType }) => eligibilityType === 'STAFF')) {
    return { dropped: 'staff-only' };
  }

  const flags = new Set<string>();
  const limits = readLimits(product, flags);
  const { minAmount = 0, maxAmount = Infinity } = limits;
  const { termMonths } = query;
  const amount = query.amount ?? Math.min(Math.max(DEFAULT_AMOUNT, minAmount), maxAmount);

  const usable = product.lendingRates.flatMap(readRate);
  if (usable.length === 0) return { dropped: 'no-usable-rate' };
  if (amount < minAmount || amount > maxAmount) return { dropped: 'amount-outside-limits' };
  const forAmount = usable.filter((rate) => covers('DOLLAR', rate, usable, amount));
  if (forAmount.length === 0) return { dropped: 'amount-outside-tiers' };
  const forTerm = forAmount.filter(
    (rate) =>
      termMonths === undefined ||
      (covers('MONTH', rate, usable, termMonths) && termMonths <= (rate.fixedMonths ?? Infinity)),
  );
  const chosen = chooseRate(forTerm);
  if (!chosen) return { dropped: 'term-outside-tiers' };

  if (chosen.wasPercent) flags.add('rate-written-in-percent');
  const comparisonRate = parseRate(chosen.entry.comparisonRate)?.percent;
  if (comparisonRate !== undefined && comparisonRate < chosen.percent) {
    flags.add('comparison-rate-below-rate');
  }
  const url = [product.applicationUri, product.additionalInformation?.overviewUri].find(isWebUrl);
  const details: OfferDetails = {
    name: product.name?.slice(0, MAX_NAME),
    currency: 'AUD',
    rateMax: labelled(forTerm, 'maximum', Math.max),
    representativeRate: labelled(forTerm, 'representative', Math.min),
    comparisonRate,
    ...limits,
    ...readTerms(forTerm),
    fees: readFees(product.fees, flags),
    url,
    flags: flags.size > 0 ? [...flags] : undefined,
  };
  return { offer: { id, provider: brand, rate: chosen.percent, amount, ...details } };
}

const MAX_NAME = 200;

type Label = 'minimum' | 'maximum' | 'representative';

interface UsableRate {
  entry: LendingRate;
  percent: number;
  wasPercent: boolean;
  label: Label | undefined;
  /** It holds under a condition that only a person can read. */
  conditional: boolean;
  /** For how long a fixed rate is fixed. */
  fixedMonths: number | undefined;
}

/** 2, 3: a base rate above 0. 5, 6: what is said of it. */
function readRate(entry: LendingRate): UsableRate[] {
  const { lendingRateType: type, additionalValue } = entry;
  if (type !== 'FIXED' && type !== 'VARIABLE') return [];
  const rate = parseRate(entry.rate);
  if (!rate) return [];
  const months = parseMonths(additionalValue);
  const label = readLabel(entry);
  const conditional = !!additionalValue && months === undefined && !labelIn(additionalValue);
  const fixedMonths = type === 'FIXED' ? months : undefined;
  return [{ entry, ...rate, label, conditional, fixedMonths }];
}

/** 7, 2: the lowest of those without a condition, and none labelled as a maximum while there are others. */
function chooseRate(rates: readonly UsableRate[]): UsableRate | undefined {
  const candidates = prefer(
    prefer(rates, ({ conditional }) => !conditional),
    ({ label }) => label !== 'maximum',
  );
  return [...candidates].sort(
    (a, b) =>
      a.percent - b.percent ||
      Number(a.entry.comparisonRate === undefined) - Number(b.entry.comparisonRate === undefined),
  )[0];
}

/** Those that are preferred, or all if none is. */
function prefer<Item>(items: readonly Item[], preferred: (item: Item) => boolean): readonly Item[] {
  const found = items.filter(preferred);
  return found.length > 0 ? found : items;
}

function labelled(
  rates: readonly UsableRate[],
  wanted: Label,
  choose: (...values: number[]) => number,
): number | undefined {
  const found = rates.filter(({ label, conditional }) => label === wanted && !conditional);
  return pick(
    choose,
    found.map(({ percent }) => percent),
  );
}

/** 5: by the additional value, else by how the additional information or the name of a tier begins. */
function readLabel({ additionalValue, additionalInfo, tiers }: LendingRate): Label | undefined {
  const texts = [additionalValue, additionalInfo, ...tiers.map(({ name }) => name)];
  for (const text of texts) {
    const label = labelIn(text ?? '');
    if (label) return label;
  }
  return undefined;
}

const LABEL_WITHIN = 60;

function labelIn(text: string): Label | undefined {
  const word = /\b(min|max|representative)(?:imum)?\b(?:$|[^.]{0,20}?\brate)/i
    .exec(text.slice(0, LABEL_WITHIN))?.[1]
    ?.toLowerCase();
  if (word === 'min') return 'minimum';
  if (word === 'max') return 'maximum';
  return word === undefined ? undefined : 'representative';
}

/** 4: whether one of a rate's tiers contains the value; where two touch, it belongs to the upper one. */
function covers(
  unit: 'DOLLAR' | 'MONTH',
  rate: UsableRate,
  all: readonly UsableRate[],
  value: number,
): boolean {
  const tiers = tiersOf(unit, rate.entry);
  if (tiers.length === 0) return true;
  const startsHere = all.some(
    ({ entry }) =>
      entry.lendingRateType === rate.entry.lendingRateType &&
      tiersOf(unit, entry).some(({ min }) => min === value),
  );
  return tiers.some(
    ({ min, max }) =>
      min === value || (min < value && (value < max || (value === max && !startsHere))),
  );
}

function tiersOf(unit: string, { tiers }: LendingRate): { min: number; max: number }[] {
  return tiers.filter(({ unitOfMeasure }) => unitOfMeasure === unit).map(bounds);
}

function bounds({ minimumValue, maximumValue }: Tier): { min: number; max: number } {
  return { min: parseAmount(minimumValue) ?? 0, max: parseAmount(maximumValue) ?? Infinity };
}

/** A lower maximum is something else, such as years. */
const LOWEST_MAXIMUM = 100;

/** 8, and the limits of the table: by the constraints, else by the tiers. */
function readLimits(
  { constraints, lendingRates }: Product,
  flags: Set<string>,
): Pick<OfferDetails, 'minAmount' | 'maxAmount'> {
  const tiers = lendingRates.flatMap((rate) => tiersOf('DOLLAR', rate));
  const mins = readAmounts(constraints, ['MIN_LIMIT', 'MIN_BALANCE', 'OPENING_BALANCE'], flags);
  const maxes = readAmounts(constraints, ['MAX_LIMIT', 'MAX_BALANCE'], flags).filter(
    (max) => max >= LOWEST_MAXIMUM,
  );
  const minAmount =
    pick(Math.max, mins) ??
    pick(
      Math.min,
      tiers.map(({ min }) => min),
    );
  const maxAmount =
    pick(Math.min, maxes) ??
    pick(
      Math.max,
      tiers.map(({ max }) => max),
    );
  if (minAmount !== undefined && maxAmount !== undefined && minAmount > maxAmount) {
    flags.add('limits-inverted');
    return {};
  }
  return {
    ...(minAmount !== undefined && { minAmount }),
    ...(maxAmount !== undefined && { maxAmount }),
  };
}

/** The lowest or highest; undefined where there is none, or it says no more than having none. */
function pick(
  choose: (...values: number[]) => number,
  values: readonly number[],
): number | undefined {
  const chosen = choose(...values);
  return Number.isFinite(chosen) && chosen > 0 ? chosen : undefined;
}

function readAmounts(
  constraints: readonly Limit[],
  types: readonly string[],
  flags: Set<string>,
): number[] {
  return constraints
    .filter(({ constraintType }) => types.includes(constraintType ?? ''))
    .flatMap(({ additionalValue }) => {
      const amount = parseAmount(additionalValue);
      if (amount === undefined) flags.add('limit-unreadable');
      return amount ?? [];
    });
}

/** The terms of MONTH tiers, else how long the rate is fixed. */
function readTerms(
  rates: readonly UsableRate[],
): Pick<OfferDetails, 'minTermMonths' | 'maxTermMonths'> {
  const tiers = rates.flatMap(({ entry }) => tiersOf('MONTH', entry));
  const fixed = rates.flatMap(({ fixedMonths }) => fixedMonths ?? []);
  const minTermMonths = pick(
    Math.min,
    tiers.map(({ min }) => min),
  );
  const maxTermMonths = pick(Math.max, tiers.length > 0 ? tiers.map(({ max }) => max) : fixed);
  return {
    ...(minTermMonths !== undefined && { minTermMonths }),
    ...(maxTermMonths !== undefined && { maxTermMonths }),
  };
}

/** What is paid once and what comes back. Fees that depend on something are not known. */
function readFees(fees: readonly Fee[], flags: Set<string>): OfferDetails['fees'] {
  let upfront = 0;
  const periodic: PeriodicFee[] = [];
  for (const { feeType, additionalValue, amount, fixedAmount } of fees) {
    if (feeType !== 'UPFRONT' && feeType !== 'PERIODIC') continue;
    const charged = parseAmount(fixedAmount?.amount ?? amount);
    const months = parseMonths(additionalValue);
    if (charged === undefined || (feeType === 'PERIODIC' && months === undefined && charged > 0)) {
      flags.add('fee-unreadable');
    } else if (feeType === 'UPFRONT') upfront += charged;
    else if (charged > 0) periodic.push({ amount: charged, months: months! });
  }
  return fees.length > 0 ? { upfront, periodic } : undefined;
}

function isWebUrl(text: string | undefined): boolean {
  return text !== undefined && /^https?:\/\/[^\s"'<>]+$/i.test(text) && URL.canParse(text);
}
