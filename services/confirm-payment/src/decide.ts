export const decisions = ['APPROVED', 'REJECTED'] as const;

export type Decision = (typeof decisions)[number];

/**
 * Decides on a payment: `APPROVED` from `threshold` upwards, `REJECTED` below. Nothing else matters: a retry of the
 * same order gets the same decision.
 *
 * @param amount the loan's amount, in units of its currency, not cents
 * @param threshold the smallest amount that is approved, in the same unit
 */
export function decide(amount: number, threshold: number): Decision {
  return amount >= threshold ? 'APPROVED' : 'REJECTED';
}
