import type { OfferDetails } from '../../../domain/offer';
import { parseAmount, parseMonths, parseRate } from './decimal';
import type { LendingRate, Tier } from './product';

type Label = 'minimum' | 'maximum' | 'representative';

/** From `min` to `max`, inclusive; where the next tier touches it, to `next`, exclusive. */
export interface Range {
  min: number;
  max: number;
  next?: number;
}

export type UsableRate = NonNullable<ReturnType<typeof readRate>>;

/** Reads the usable rates and their labels; rules 2 to 6 of docs/rates.md. */
export function readRates(entries: readonly LendingRate[]): readonly UsableRate[] {
  const rates = entries.flatMap((entry) => readRate(entry) ?? []);
  resolveTouchingTiers(rates);
  return rates;
}

/** Reads a base rate above 0 (rules 2 and 3), with its label and condition (rules 5 and 6). */
function readRate(entry: LendingRate) {
  const { lendingRateType: type, additionalValue } = entry;
  if (type !== 'FIXED' && type !== 'VARIABLE') return undefined;
  const rate = parseRate(entry.rate);
  if (!rate) return undefined;
  const months = parseMonths(additionalValue);
  return {
    type,
    percent: rate.percent,
    wasPercent: rate.wasPercent,
    comparisonRate: parseRate(entry.comparisonRate)?.percent,
    label: readLabel(entry),
    /** Whether it has a condition that only people can read. */
    conditional: !!additionalValue && months === undefined && !valueLabel(additionalValue),
    /** How long a fixed rate is fixed. */
    fixedMonths: type === 'FIXED' ? months : undefined,
    /** Its tiers by amount and by term. */
    dollars: rangesOf('DOLLAR', entry.tiers),
    months: rangesOf('MONTH', entry.tiers),
  };
}

function rangesOf(unit: string, tiers: readonly Tier[]): Range[] {
  return tiers
    .filter(({ unitOfMeasure }) => unitOfMeasure === unit)
    .map(({ minimumValue, maximumValue }) => ({
      min: parseAmount(minimumValue) ?? 0,
      max: parseAmount(maximumValue) ?? Infinity,
    }));
}

/** A tier such as 3000 to 9999 touches one that begins at 10000, with a tolerance for cents in binary. */
const TOUCHING = 1.001;

/** Rule 4: where tiers of the same kind of rate touch, a value from which the upper one begins belongs to that one. */
function resolveTouchingTiers(rates: readonly UsableRate[]): void {
  for (const unit of ['dollars', 'months'] as const) {
    for (const type of ['FIXED', 'VARIABLE'] as const) {
      const ranges = rates.filter((rate) => rate.type === type).flatMap((rate) => rate[unit]);
      const starts = [...new Set(ranges.map(({ min }) => min))].sort((a, b) => a - b);
      for (const range of ranges) {
        const next = starts.find((start) => start > range.min && start >= range.max);
        if (next !== undefined && next <= range.max + TOUCHING) range.next = next;
      }
    }
  }
}

/** Whether a value is in one of the ranges; true if there are none. */
export function covers(ranges: readonly Range[], value: number): boolean {
  if (ranges.length === 0) return true;
  return ranges.some(
    ({ min, max, next }) => min <= value && (next === undefined ? value <= max : value < next),
  );
}

/** Rules 2 and 7: chooses the lowest unconditional rate; one labelled as a maximum only if there are no others. */
export function chooseRate(rates: readonly UsableRate[]): UsableRate | undefined {
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

/** Returns the preferred items, or all if there are none. */
function prefer<Item>(items: readonly Item[], preferred: (item: Item) => boolean): readonly Item[] {
  const found = items.filter(preferred);
  return found.length > 0 ? found : items;
}

/** Returns the unconditional rates with a label, in percent. */
export function labelled(rates: readonly UsableRate[], label: Label): number[] {
  return rates.flatMap((rate) => (rate.label === label && !rate.conditional ? rate.percent : []));
}

/** Rule 5: from the additional value, otherwise from the start of the additional information or of a tier's name. */
function readLabel(entry: LendingRate): Label | undefined {
  const { additionalValue = '', additionalInfo, tiers } = entry;
  const label = valueLabel(additionalValue);
  if (label) return label;
  for (const text of [additionalInfo, ...tiers.map(({ name }) => name)]) {
    const found = RATE_LABEL.exec(text?.slice(0, LABEL_POSITION_LIMIT) ?? '')?.[1];
    if (found) return labelOf(found);
  }
  return undefined;
}

const LABEL_POSITION_LIMIT = 60;
const WORD = String.raw`\b(min|max|representative)(?:imum)?\b\.?`;
/** Matches "maximum interest rate" but not "maximum LVR for this rate". */
const RATE_LABEL = new RegExp(
  String.raw`${WORD}(?:\s+(?:interest|annual|percentage|fixed|variable|advertised|p\.?a\.?))*\s+rate\b`,
  'i',
);
/** A value that starts with such a word is about the rate, unless it names another subject. */
const VALUE_LABEL = new RegExp(`^\\W*${WORD}`, 'i');
const OTHER_SUBJECT = /\b(loan|term|amount|lvr|deposit|balance|age|years?|months?)\b/i;

function valueLabel(text: string): Label | undefined {
  const start = text.slice(0, LABEL_POSITION_LIMIT);
  const found =
    RATE_LABEL.exec(start) ?? (OTHER_SUBJECT.test(start) ? null : VALUE_LABEL.exec(start));
  return found ? labelOf(found[1]!) : undefined;
}

function labelOf(word: string): Label {
  const start = word.toLowerCase();
  return start === 'min' ? 'minimum' : start === 'max' ? 'maximum' : 'representative';
}

/** Returns the terms of MONTH tiers, otherwise how long the rate is fixed. */
export function readTerms(
  rates: readonly UsableRate[],
): Pick<OfferDetails, 'minTermMonths' | 'maxTermMonths'> {
  const tiers = rates.flatMap(({ months }) => months);
  const fixed = rates.flatMap(({ fixedMonths }) => fixedMonths ?? []);
  return {
    minTermMonths: lowest(tiers.map(({ min }) => min)),
    maxTermMonths: highest(tiers.length > 0 ? tiers.map(({ max }) => max) : fixed),
  };
}

/** Returns the lowest value; undefined if there is none, or if it restricts nothing. */
export const lowest = (values: readonly number[]) => restriction(Math.min(...values));

export const highest = (values: readonly number[]) => restriction(Math.max(...values));

function restriction(value: number): number | undefined {
  return Number.isFinite(value) && value > 0 ? value : undefined;
}
