export const decisions = ['APPROVED', 'REJECTED'] as const;

export type Decision = (typeof decisions)[number];

/**
 * Decides on a payment: `APPROVED` from `threshold` upwards, `REJECTED` below.
 * It depends on nothing else: an order that is sent again as it was gets the same answer.
 *
 * @param amount the loan's amount, in units of its currency, not cents
 * @param threshold the smallest amount that is approved, in the same unit
 */
export function decide(amount: number, threshold: number): Decision {
  return amount >= threshold ? 'APPROVED' : 'REJECTED';
}
