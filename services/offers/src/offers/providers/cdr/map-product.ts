import { idSchema, type Offer, type OfferDetails, type PeriodicFee } from '../../offer';
import type { OfferQuery } from '../../provider';
import { remember } from '../../remember';
import { parseAmount, parseMonths, parseRate } from './decimal';
import {
  MAX_ENTRIES,
  type Fee,
  type LendingRate,
  type Limit,
  type ListedProduct,
  type Product,
  type Tier,
} from './product';

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

/** How many products make no offer, by reason. */
export type Dropped = Partial<Record<DropReason, number>>;

export function countDropped(dropped: Dropped, reason: DropReason): void {
  dropped[reason] = (dropped[reason] ?? 0) + 1;
}

/** What is asked of a bank where nobody says how much: most lend it. */
const DEFAULT_AMOUNT = 10_000;

const CATEGORY = 'PERS_LOANS';

/** Why a product is not for sale to the public now, as far as the list says already; undefined if it may be. */
export function refuseListed(product: ListedProduct, now: Date): DropReason | undefined {
  if (product.productCategory !== CATEGORY) return 'other-category';
  const { effectiveFrom: from, effectiveTo: to } = product;
  // A date that cannot be read compares as false, and so refuses nothing.
  const isEarly = from !== undefined && now.getTime() < Date.parse(from);
  const isLate = to !== undefined && now.getTime() >= Date.parse(to);
  return isEarly || isLate ? 'not-effective' : undefined;
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
): Mapped {
  const { id, brand, now, query } = context;
  // 1: category, dates, staff
  const refused = refuseListed(product, now);
  if (refused) return { dropped: refused };
  const { amount, termMonths } = query;
  const asked = `${String(amount)} ${String(termMonths)} ${id} ${brand}`;
  const last = lastMapped.get(product);
  if (last?.asked === asked) return last.mapped;
  const mapped = mapCurrent(product, context);
  lastMapped.set(product, { asked, mapped });
  return mapped;
}

type Mapped = { offer: Offer } | { dropped: DropReason };

/** What came of a product the last time, so that one that has not changed is one and the same offer. */
const lastMapped = new WeakMap<Product, { asked: string; mapped: Mapped }>();

function mapCurrent(
  product: Product,
  { id, brand, query }: { id: string; brand: string; query: OfferQuery },
): Mapped {
  if (!idSchema.safeParse(id).success) return { dropped: 'id-unusable' };
  if (product.eligibility.some(({ eligibilityType }) => eligibilityType === 'STAFF')) {
    return { dropped: 'staff-only' };
  }

  const loan = readLoan(product);
  if (loan.rates.length === 0) return { dropped: 'no-usable-rate' };
  const { minAmount = 0, maxAmount = Infinity } = loan.limits;
  const { termMonths } = query;
  const amount = query.amount ?? Math.min(Math.max(DEFAULT_AMOUNT, minAmount), maxAmount);
  if (amount < minAmount || amount > maxAmount) return { dropped: 'amount-outside-limits' };
  const forAmount = loan.rates.filter((rate) => covers(rate.dollars, amount));
  if (forAmount.length === 0) return { dropped: 'amount-outside-tiers' };
  const forTerm = forAmount.filter(
    ({ months, fixedMonths = Infinity }) =>
      termMonths === undefined || (covers(months, termMonths) && termMonths <= fixedMonths),
  );
  const chosen = chooseRate(forTerm);
  if (!chosen) return { dropped: 'term-outside-tiers' };

  const { percent, wasPercent, comparisonRate } = chosen;
  const flags = [
    ...loan.flags,
    ...(wasPercent ? ['rate-written-in-percent'] : []),
    ...(comparisonRate !== undefined && comparisonRate < percent
      ? ['comparison-rate-below-rate']
      : []),
  ];
  const offer: Offer = {
    ...{ id, provider: brand, rate: percent, amount },
    name: product.name?.slice(0, MAX_NAME),
    currency: 'AUD',
    rateMax: labelled(forTerm, 'maximum', Math.max),
    representativeRate: labelled(forTerm, 'representative', Math.min),
    comparisonRate,
    ...loan.limits,
    ...readTerms(forTerm),
    fees: loan.fees,
    url: loan.url,
    flags: flags.length > 0 ? flags : undefined,
  };
  return { offer };
}

/** What a product says whatever the query. */
interface ReadLoan {
  rates: readonly UsableRate[];
  limits: Pick<OfferDetails, 'minAmount' | 'maxAmount'>;
  fees: OfferDetails['fees'];
  url: string | undefined;
  flags: readonly string[];
}

/** Reads a product once: every query is answered from it, and a hostile product is long. */
const readLoan = remember((product: Product): ReadLoan => {
  const flags = new Set<string>();
  const rates = product.lendingRates.flatMap(readRate);
  decideTouching(rates);
  const addresses = [product.applicationUri, product.additionalInformation?.overviewUri];
  return {
    rates,
    limits: readLimits(product.constraints, rates, flags),
    fees: readFees(product.fees, flags),
    url: addresses.find(isWebUrl),
    flags: [...flags],
  };
});

const MAX_NAME = 200;

type Label = 'minimum' | 'maximum' | 'representative';

/** From `min` up to `max`, which belongs to it unless the next tier begins there. */
interface Range {
  min: number;
  max: number;
  endsBefore: boolean;
}

interface UsableRate {
  type: 'FIXED' | 'VARIABLE';
  percent: number;
  wasPercent: boolean;
  comparisonRate: number | undefined;
  label: Label | undefined;
  /** It holds under a condition that only a person can read. */
  conditional: boolean;
  /** For how long a fixed rate is fixed. */
  fixedMonths: number | undefined;
  /** Its tiers by amount and by term. */
  dollars: readonly Range[];
  months: readonly Range[];
}

/** 2, 3: a base rate above 0. 5, 6: what is said of it. */
function readRate(entry: LendingRate): UsableRate[] {
  const { lendingRateType: type, additionalValue } = entry;
  if (type !== 'FIXED' && type !== 'VARIABLE') return [];
  const rate = parseRate(entry.rate);
  if (!rate) return [];
  const months = parseMonths(additionalValue);
  return [
    {
      ...{ type, ...rate },
      comparisonRate: parseRate(entry.comparisonRate)?.percent,
      label: readLabel(entry),
      conditional: !!additionalValue && months === undefined && !valueLabel(additionalValue),
      fixedMonths: type === 'FIXED' ? months : undefined,
      dollars: rangesOf('DOLLAR', entry.tiers),
      months: rangesOf('MONTH', entry.tiers),
    },
  ];
}

function rangesOf(unit: string, tiers: readonly Tier[]): Range[] {
  return tiers
    .filter(({ unitOfMeasure }) => unitOfMeasure === unit)
    .map(({ minimumValue, maximumValue }) => ({
      min: parseAmount(minimumValue) ?? 0,
      max: parseAmount(maximumValue) ?? Infinity,
      endsBefore: false,
    }));
}

/** 4: where two tiers of the same kind of rate touch, the value belongs to the upper one. */
function decideTouching(rates: readonly UsableRate[]): void {
  for (const unit of ['dollars', 'months'] as const) {
    for (const type of ['FIXED', 'VARIABLE'] as const) {
      const ranges = rates.filter((rate) => rate.type === type).flatMap((rate) => rate[unit]);
      const starts = new Set(ranges.map(({ min }) => min));
      for (const range of ranges) range.endsBefore = range.max > range.min && starts.has(range.max);
    }
  }
}

function covers(ranges: readonly Range[], value: number): boolean {
  if (ranges.length === 0) return true;
  return ranges.some(
    ({ min, max, endsBefore }) => min <= value && (endsBefore ? value < max : value <= max),
  );
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
      Number(a.comparisonRate === undefined) - Number(b.comparisonRate === undefined),
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
  const label = additionalValue === undefined ? undefined : valueLabel(additionalValue);
  if (label) return label;
  for (const text of [additionalInfo, ...tiers.map(({ name }) => name)]) {
    const found = RATE_LABEL.exec(text?.slice(0, LABEL_WITHIN) ?? '')?.[1];
    if (found) return labelOf(found);
  }
  return undefined;
}

const LABEL_WITHIN = 60;
const WORD = String.raw`\b(min|max|representative)(?:imum)?\b\.?`;
/** "maximum interest rate", and not "maximum LVR for this rate". */
const RATE_LABEL = new RegExp(
  String.raw`${WORD}(?:\s+(?:interest|annual|percentage|fixed|variable|advertised|p\.?a\.?))*\s+rate\b`,
  'i',
);
/** A value that begins with the word is about the rate, unless it says what else it is about. */
const VALUE_LABEL = new RegExp(`^\\W*${WORD}`, 'i');
const ABOUT_ELSE = /\b(loan|term|amount|lvr|deposit|balance|age|years?|months?)\b/i;

function valueLabel(text: string): Label | undefined {
  const begin = text.slice(0, LABEL_WITHIN);
  const found = RATE_LABEL.exec(begin) ?? (ABOUT_ELSE.test(begin) ? null : VALUE_LABEL.exec(begin));
  return found ? labelOf(found[1]!) : undefined;
}

function labelOf(word: string): Label {
  switch (word.toLowerCase()) {
    case 'min':
      return 'minimum';
    case 'max':
      return 'maximum';
    default:
      return 'representative';
  }
}

/** A lower maximum is something else, such as years. */
const LOWEST_MAXIMUM = 100;

/** 8, and the limits of the table: by the constraints, else by the tiers if every rate has some. */
function readLimits(
  constraints: readonly Limit[],
  rates: readonly UsableRate[],
  flags: Set<string>,
): Pick<OfferDetails, 'minAmount' | 'maxAmount'> {
  const tiers = rates.every(({ dollars }) => dollars.length > 0)
    ? rates.flatMap(({ dollars }) => dollars)
    : [];
  const plausible = (max: number) => max >= LOWEST_MAXIMUM;
  const mins = readAmounts(constraints, ['MIN_LIMIT', 'MIN_BALANCE', 'OPENING_BALANCE'], flags);
  const maxes = readAmounts(constraints, ['MAX_LIMIT', 'MAX_BALANCE'], flags).filter(plausible);
  const tierMaxes = tiers.map(({ max }) => max).filter(plausible);
  const minAmount =
    pick(Math.max, mins) ??
    pick(
      Math.min,
      tiers.map(({ min }) => min),
    );
  const maxAmount = pick(Math.min, maxes) ?? pick(Math.max, tierMaxes);
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
  const tiers = rates.flatMap(({ months }) => months);
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

const MAX_PERIODIC = 10;

/** What is paid once and what comes back; many that come back are told as one a month. Fees that depend on something are not known. */
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
  if (fees.length === 0) return undefined;
  // There may have been more of them.
  if (fees.length >= MAX_ENTRIES) flags.add('fee-unreadable');
  if (periodic.length <= MAX_PERIODIC) return { upfront, periodic };
  const monthly = periodic.reduce((sum, { amount, months }) => sum + amount / months, 0);
  return { upfront, periodic: [{ amount: Number(monthly.toFixed(2)), months: 1 }] };
}

const MAX_URL = 500;

function isWebUrl(text: string | undefined): boolean {
  return (
    text !== undefined &&
    text.length <= MAX_URL &&
    /^https?:\/\/[^\s"'<>]+$/i.test(text) &&
    URL.canParse(text)
  );
}
