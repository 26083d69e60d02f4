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
const MAX_SECANTS = 20;

/** Finds the root of a convex function that falls as the rate rises; NaN if there is none in range. */
export function findRate(excess: (rate: number) => number): number {
  let low = LOWEST_RATE;
  let high = 1;
  while (excess(high) > 0 && high < HIGHEST_RATE) high *= 8;
  if (!(excess(low) > 0 && excess(high) <= 0)) return Number.NaN;
  // Bisect until the curve is almost straight, then follow secants, which need fewer steps.
  while (high - low > 1e-3) {
    const middle = (low + high) / 2;
    if (excess(middle) > 0) low = middle;
    else high = middle;
  }
  let [atLow, atHigh] = [excess(low), excess(high)];
  for (let step = 0; step < MAX_SECANTS && Math.abs(high - low) > PRECISION; step++) {
    const rate = high - (atHigh * (high - low)) / (atHigh - atLow);
    [low, atLow, high, atHigh] = [high, atHigh, rate, excess(rate)];
    if (atLow === atHigh) break;
  }
  return high;
}
