export type Decision = 'APPROVED' | 'REJECTED';

/**
 * Decides on a payment: `APPROVED` from `threshold` upwards, `REJECTED` below.
 * It depends on nothing else, so the same order gets the same answer however often it is asked.
 *
 * @param amount the loan's amount, in whole units of its currency
 * @param threshold the smallest amount that is approved, in the same unit
 */
export function decide(amount: number, threshold: number): Decision {
  return amount >= threshold ? 'APPROVED' : 'REJECTED';
}
