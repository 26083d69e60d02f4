import type { OfferDetails, PeriodicFee } from '../../../domain/offer';
import { parseAmount, parseMonths } from './decimal';
import { MAX_ENTRIES, type Fee } from './product';

const MAX_PERIODIC = 10;

/** Sums one-time fees and lists or merges periodic ones. Others depend on events that are not known in advance. */
export function readFees(fees: readonly Fee[], flags: Set<string>): OfferDetails['fees'] {
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
  upfront = Number(upfront.toFixed(2));
  if (periodic.length <= MAX_PERIODIC) return { upfront, periodic };
  const monthly = periodic.reduce((sum, { amount, months }) => sum + amount / months, 0);
  return { upfront, periodic: [{ amount: Number(monthly.toFixed(2)), months: 1 }] };
}
