export const decisions = ['APPROVED', 'REJECTED'] as const;

export type Decision = (typeof decisions)[number];

/**
 * Nothing but the amount matters: a retry of the same order gets the same decision.
 *
 * @param amount in units of the loan's currency, not cents
 * @param threshold the smallest amount that is approved, in the same unit
 */
export function decide(amount: number, threshold: number): Decision {
  return amount >= threshold ? 'APPROVED' : 'REJECTED';
}
