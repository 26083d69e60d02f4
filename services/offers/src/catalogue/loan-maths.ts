/**
 * The cost of a loan. Rates are percent per year; amounts are in currency units and not rounded. All functions are
 * pure.
 *
 * - Payments: the annuity in arrears.
 * - Effective annual percentage rate: Directive 2008/48/EC, Annex I; 98/7/EC, Annex III has worked examples.
 * - Nominal annual percentage rate: Regulation Z (12 CFR 1026), Appendix J, the actuarial method.
 * - Comparison rate: National Credit Code (Australia), Schedule 1, Part 10, and its Regulations, Part 7-4.
 */

/** A loan repaid in equal monthly payments. */
export interface Loan {
  amount: number;
  termMonths: number;
  ratePercent: number;
}

/** Charges other than interest: one deducted from the amount up front, and one added to each monthly payment. */
export interface LoanFees {
  upfrontFee: number;
  monthlyFee: number;
}

/** Returns the equal monthly payment that repays a loan with interest, at a twelfth of the rate a month. */
export function monthlyPayment({ amount, termMonths, ratePercent }: Loan): number {
  return amount / annuityFactor(ratePercent / 1200, termMonths);
}

/**
 * Returns the nominal annual rate at which the loan would cost as much without fees as it does with them. This is
 * Australia's comparison rate and, if all payments are monthly, the annual percentage rate of Regulation Z. The upfront
 * fee counts as not advanced.
 */
export function nominalLoanApr(loan: Loan & LoanFees): number {
  return 1200 * monthlyCostRate(loan);
}

/** Returns the effective annual rate of a loan in equal monthly payments, including fees. */
export function effectiveLoanApr(loan: Loan & LoanFees): number {
  return 100 * Math.expm1(12 * Math.log1p(monthlyCostRate(loan)));
}

/** Returns the monthly rate at which payments and advance have equal value; NaN if fees consume the amount. */
function monthlyCostRate(loan: Loan & LoanFees): number {
  const { amount, termMonths, upfrontFee, monthlyFee } = loan;
  if (upfrontFee >= amount) return Number.NaN;
  const payment = monthlyPayment(loan) + monthlyFee;
  return findRate((rate) => payment * annuityFactor(rate, termMonths) - (amount - upfrontFee));
}

/** Returns the present value of one unit of money, paid at the end of each of `periods` periods. */
function annuityFactor(rate: number, periods: number): number {
  return rate === 0 ? periods : -Math.expm1(-periods * Math.log1p(rate)) / rate;
}

const LOWEST_RATE = -0.999;
const HIGHEST_RATE = 1e6;
const PRECISION = 1e-12;
const MAX_STEPS = 200;

/**
 * Finds the root of a function that falls as the rate rises, with the Illinois variant of false position. It keeps the
 * root between two bounds and needs no derivative.
 */
export function findRate(excess: (rate: number) => number): number {
  let low = LOWEST_RATE;
  let high = 1;
  while (excess(high) > 0 && high < HIGHEST_RATE) high *= 8;
  let atLow = excess(low);
  let atHigh = excess(high);
  if (!(atLow >= 0 && atHigh <= 0)) return Number.NaN;
  // Bisect first: near the lowest rate, the curve is too steep for a secant.
  while (high - low > 1e-2) {
    const middle = (low + high) / 2;
    const atMiddle = excess(middle);
    if (atMiddle > 0) [low, atLow] = [middle, atMiddle];
    else [high, atHigh] = [middle, atMiddle];
  }
  let kept = 0;
  for (let step = 0; step < MAX_STEPS && high - low > PRECISION; step++) {
    const rate = (low * atHigh - high * atLow) / (atHigh - atLow);
    const value = excess(rate);
    if (value === 0 || Number.isNaN(rate)) return rate;
    if (value > 0) {
      [low, atLow] = [rate, value];
      if (kept === 1) atHigh /= 2;
      kept = 1;
    } else {
      [high, atHigh] = [rate, value];
      if (kept === -1) atLow /= 2;
      kept = -1;
    }
  }
  return (low + high) / 2;
}
