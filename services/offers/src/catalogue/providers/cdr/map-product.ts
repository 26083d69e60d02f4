import { idSchema } from '../../../domain/id';
import type { Offer } from '../../../domain/offer';
import type { OfferQuery } from '../../provider';
import { readFees } from './read-fees';
import { readLimits } from './read-limits';
import type { ListedProduct, Product } from './product';
import { chooseRate, covers, highest, labelled, lowest, readRates, readTerms } from './read-rates';

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

export type Dropped = Partial<Record<DropReason, number>>;

export function countDropped(dropped: Dropped, reason: DropReason): void {
  dropped[reason] = (dropped[reason] ?? 0) + 1;
}

/** Amount to price if the query has none: most banks lend it. */
const DEFAULT_AMOUNT = 10_000;

/** An earlier end, such as 0001-01-01 or 1970-01-01, is how some software writes that there is none. */
const EARLIEST_END = Date.parse('2000-01-01T00:00:00Z');

/** Returns why a product is not publicly on sale now, from its list entry; undefined if it may be. */
export function dropReasonOf(product: ListedProduct, now: Date): DropReason | undefined {
  if (product.productCategory !== 'PERS_LOANS') return 'other-category';
  const { effectiveFrom: from, effectiveTo: to } = product;
  // An unreadable date compares as false, so it excludes nothing.
  const isEarly = from !== undefined && now.getTime() < Date.parse(from);
  const end = to === undefined ? NaN : Date.parse(to);
  const isLate = end >= EARLIEST_END && now.getTime() >= end;
  return isEarly || isLate ? 'not-effective' : undefined;
}

/** Maps a bank's product to an offer, or returns why there is none, by the numbered rules of docs/rates.md. */
export function mapProduct(
  product: Product & Remembered,
  context: { id: string; brand: string; now: Date; query: OfferQuery },
): Mapped {
  // 1: category, dates, staff
  const dropped = dropReasonOf(product, context.now);
  if (dropped) return { dropped };
  const { id, brand, query } = context;
  const key = `${String(query.amount)} ${String(query.termMonths)} ${id} ${brand}`;
  const last = product[lastMapped];
  if (last?.key === key) return last.mapped;
  const loan = last?.loan ?? readLoan(product);
  const mapped = mapLoan(loan, { id, brand, query });
  product[lastMapped] = { loan, key, mapped };
  return mapped;
}

type Mapped = { offer: Offer } | { dropped: DropReason };

const lastMapped = Symbol('lastMapped');

/**
 * The last result of a product, so that an unchanged one gives the same offer object. In the product: a WeakMap of many
 * short-lived products cost 9 % of the CPU of a listing whose pages all differ.
 */
interface Remembered {
  [lastMapped]?: { loan: Loan; key: string; mapped: Mapped };
}

function mapLoan(
  loan: Loan,
  { id, brand, query }: { id: string; brand: string; query: OfferQuery },
): Mapped {
  if (!idSchema.safeParse(id).success) return { dropped: 'id-unusable' };
  if (loan.isStaffOnly) return { dropped: 'staff-only' };
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
  const { minTermMonths, maxTermMonths } = readTerms(forTerm);
  // No spreads: V8 is slow at properties that follow one. They were half of the cost of mapping a product.
  const offer: Offer = {
    id,
    provider: brand,
    rate: percent,
    amount,
    name: loan.name,
    currency: 'AUD',
    rateMax: highest(labelled(forTerm, 'maximum')),
    representativeRate: lowest(labelled(forTerm, 'representative')),
    comparisonRate,
    minAmount: loan.limits.minAmount,
    maxAmount: loan.limits.maxAmount,
    minTermMonths,
    maxTermMonths,
    fees: loan.fees,
    url: loan.url,
    flags: flags.length > 0 ? flags : undefined,
  };
  return { offer };
}

/** Reads what does not depend on the query, once for all queries: a hostile product may be long. */
function readLoan(product: Product) {
  const flags = new Set<string>();
  const rates = readRates(product.lendingRates);
  const addresses = [product.applicationUri, product.additionalInformation?.overviewUri];
  return {
    name: product.name?.slice(0, MAX_NAME),
    isStaffOnly: isStaffOnly(product),
    rates,
    limits: readLimits(product.constraints, rates, flags),
    fees: readFees(product.fees, flags),
    url: addresses.find(isWebUrl),
    flags: [...flags],
  };
}

type Loan = ReturnType<typeof readLoan>;

const MAX_NAME = 200;
const MAX_URL = 500;

function isWebUrl(text: string | undefined): boolean {
  return (
    text !== undefined &&
    text.length <= MAX_URL &&
    /^https?:\/\/[^\s"'<>]+$/i.test(text) &&
    URL.canParse(text)
  );
}

/** Where one of these groups may apply too, staff are one of several. Other criteria are no groups. */
const OTHER_GROUPS = ['BUSINESS', 'PENSION_RECIPIENT', 'STUDENT'];

const STAFF = String.raw`(?:staff|(?:our|bank) employees|employees of (?:[\w’'-]+ ){0,3}bank)\b`;
/** Not "staff and customers", but "staff and their families". */
const ALONE = String.raw`(?!\s*(?:[,&/]|(?:and|or)\b(?! (?:their|famil))))`;
/** Texts that reserve a product for staff: "staff only", "only available to staff", "a loan for our staff". */
const FOR_STAFF = new RegExp(
  [
    String.raw`\b${STAFF}(?: members?)?(?: of (?:[\w’'-]+ ){0,3}[\w’'-]+)? only\b`,
    String.raw`\b(?:only|exclusive(?:ly)?|solely|limited|restricted|reserved)(?: \w+){0,2} (?:to|for) (?:[\w’'-]+ ){0,4}${STAFF}${ALONE}`,
    String.raw`(?:^|\b(?:loans?|available|designed|offered|is) )(?:to|for) (?:our |the bank['’]?s )?(?:bank )?${STAFF}${ALONE}`,
    String.raw`\bmust be (?:[\w’'-]+ ){0,4}staff\b`,
  ].join('|'),
  'i',
);
/** "Staff loan", but neither "non-staff" nor "staff and customers". */
const STAFF_NAME = /(?<!\bnon[\s-])\bstaff\b(?!.*\bcustomer)(?<!\bcustomer.*)/i;

/** Bounds the time of the search. */
const MAX_TEXT = 1000;

/** Rule 1: by eligibility, or if there is none for staff, by the words of the name and the descriptions. */
function isStaffOnly({ name = '', description, eligibility }: Product): boolean {
  const types = eligibility.map(({ eligibilityType = '' }) => eligibilityType);
  if (types.includes('STAFF')) return !OTHER_GROUPS.some((group) => types.includes(group));
  const texts = [description, ...eligibility.map(({ additionalInfo }) => additionalInfo)];
  return (
    STAFF_NAME.test(name.slice(0, MAX_NAME)) ||
    texts.some((text) => FOR_STAFF.test(text?.slice(0, MAX_TEXT) ?? ''))
  );
}
