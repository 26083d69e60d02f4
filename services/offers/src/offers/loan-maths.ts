/**
 * What a loan costs. Rates are percent a year throughout; amounts are in units of the currency and are not rounded.
 * Every function is pure.
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

/** What is charged besides interest: once, out of the amount, and with every monthly payment. */
export interface LoanFees {
  upfrontFee: number;
  monthlyFee: number;
}

/** Money that changes hands `years` after the first advance: to the borrower if positive, back if negative. */
export interface CashFlow {
  years: number;
  amount: number;
}

/** A payment `periods` whole unit-periods and a `fraction` of one after the advance (Appendix J, (b)(5)). */
export interface UnitPeriodPayment {
  periods: number;
  fraction: number;
  amount: number;
}

/**
 * The equal monthly payment that repays a loan with its interest. `nominal` rates are divided by twelve; `effective`
 * ones are what twelve months compound to.
 */
export function monthlyPayment(loan: Loan, rateIs: 'nominal' | 'effective' = 'nominal'): number {
  const { amount, termMonths, ratePercent } = loan;
  const monthlyRate =
    rateIs === 'nominal' ? ratePercent / 1200 : Math.expm1(Math.log1p(ratePercent / 100) / 12);
  return amount / annuityFactor(monthlyRate, termMonths);
}

/**
 * The effective annual rate at which everything advanced and everything repaid is worth the same. For flows that begin
 * with an advance and go on with payments; NaN where there is no such rate.
 */
export function effectiveApr(flows: readonly CashFlow[]): number {
  return (
    100 *
    findRate((rate) =>
      flows.reduce((sum, { years, amount }) => sum - amount * (1 + rate) ** -years, 0),
    )
  );
}

/**
 * The nominal annual rate of an advance at the start and any payments after it, by unit-periods: the equation of
 * Appendix J, (b)(8), in which a fraction of a period bears simple interest. NaN where there is no such rate.
 */
export function nominalApr(credit: {
  advance: number;
  periodsPerYear: number;
  payments: readonly UnitPeriodPayment[];
}): number {
  const { advance, periodsPerYear, payments } = credit;
  const periodRate = findRate((rate) =>
    payments.reduce(
      (sum, { periods, fraction, amount }) =>
        sum + amount / ((1 + fraction * rate) * (1 + rate) ** periods),
      -advance,
    ),
  );
  return 100 * periodsPerYear * periodRate;
}

/**
 * The nominal annual rate that would cost as much without fees as the loan does with them, which is Australia's
 * comparison rate and, while all payments are monthly, the annual percentage rate of Regulation Z. The upfront fee counts
 * as never advanced.
 */
export function nominalLoanApr(loan: Loan & LoanFees): number {
  return 1200 * monthlyCostRate(loan);
}

/** The effective annual rate of a loan in equal monthly payments, its fees included: {@link effectiveApr} of its flows. */
export function effectiveLoanApr(loan: Loan & LoanFees): number {
  return 100 * Math.expm1(12 * Math.log1p(monthlyCostRate(loan)));
}

/** The monthly rate at which what the borrower pays is worth what they get; NaN where fees leave nothing of the amount. */
function monthlyCostRate(loan: Loan & LoanFees): number {
  const { amount, termMonths, upfrontFee, monthlyFee } = loan;
  if (upfrontFee >= amount) return Number.NaN;
  const payment = monthlyPayment(loan) + monthlyFee;
  return findRate((rate) => payment * annuityFactor(rate, termMonths) - (amount - upfrontFee));
}

/** What one unit of money, paid at the end of each of so many periods, is worth at their start. */
function annuityFactor(rate: number, periods: number): number {
  return rate === 0 ? periods : -Math.expm1(-periods * Math.log1p(rate)) / rate;
}

const LOWEST_RATE = -0.999;
const HIGHEST_RATE = 1e6;
const PRECISION = 1e-12;
const MAX_STEPS = 200;

/**
 * The root of a function that falls as the rate rises: by the Illinois variant of false position, which keeps the root
 * between two bounds and needs no derivative.
 */
function findRate(excess: (rate: number) => number): number {
  let low = LOWEST_RATE;
  let high = 1;
  while (excess(high) > 0 && high < HIGHEST_RATE) high *= 8;
  let atLow = excess(low);
  let atHigh = excess(high);
  if (!(atLow >= 0 && atHigh <= 0)) return Number.NaN;
  // From the lowest rate on, the curve is too steep for a secant to be of use.
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
