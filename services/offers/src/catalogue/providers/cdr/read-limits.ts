import type { OfferDetails } from '../../../domain/offer';
import { parseAmount } from './decimal';
import type { Limit } from './product';
import { highest, lowest, type UsableRate } from './read-rates';

/** A lower maximum is not an amount but something else, such as years. */
const LOWEST_MAXIMUM = 100;

/** Rule 8: reads the limits from the constraints, otherwise from the tiers if every rate has some. */
export function readLimits(
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
  const minAmount = highest(mins) ?? lowest(tiers.map(({ min }) => min));
  const maxAmount = lowest(maxes) ?? highest(tierMaxes);
  if (minAmount !== undefined && maxAmount !== undefined && minAmount > maxAmount) {
    flags.add('limits-inverted');
    return {};
  }
  return { minAmount, maxAmount };
}

function readAmounts(
  constraints: readonly Limit[],
  types: readonly string[],
  flags: Set<string>,
): number[] {
  return constraints.flatMap(({ constraintType = '', additionalValue }) => {
    if (!types.includes(constraintType)) return [];
    const amount = parseAmount(additionalValue);
    if (amount === undefined) flags.add('limit-unreadable');
    return amount ?? [];
  });
}
