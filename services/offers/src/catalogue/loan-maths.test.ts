import fc from 'fast-check';
import {
  effectiveLoanApr,
  findRate,
  monthlyPayment,
  nominalLoanApr,
  type Loan,
} from './loan-maths';

// Both rates for any payments. The regulations' own examples check these; these check the simpler formulas for equal
// monthly payments.

/** A payment `years` after the first advance: positive if lent, negative if repaid. */
interface CashFlow {
  years: number;
  amount: number;
}

/** A payment `periods` whole unit-periods and a `fraction` of one after the advance (Appendix J, (b)(5)). */
interface UnitPeriodPayment {
  periods: number;
  fraction: number;
  amount: number;
}

/**
 * Returns the effective annual rate at which advances and repayments have equal value. The flows must begin with an
 * advance and continue with payments. Returns NaN if there is no such rate.
 */
function effectiveApr(flows: readonly CashFlow[]): number {
  return (
    100 *
    findRate((rate) =>
      flows.reduce((sum, { years, amount }) => sum - amount * (1 + rate) ** -years, 0),
    )
  );
}

/**
 * Returns the nominal annual rate of one advance at the start and any later payments, by unit-periods. Solves the
 * equation of Appendix J, (b)(8), in which a fraction of a period bears simple interest. Returns NaN if there is no
 * such rate.
 */
function nominalApr(credit: {
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

/** The same loan, with the nominal rate to which its effective rate compounds. */
function atNominalRate(loan: Loan): Loan {
  return { ...loan, ratePercent: 1200 * Math.expm1(Math.log1p(loan.ratePercent / 100) / 12) };
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe('monthlyPayment', () => {
  it.each([
    ['Lloyds’ representative example', 8000, 60, 'nominal', 8.65, 164.71],
    ['a published example at 3 %', 16_000, 36, 'effective', 3, 465.01],
    ['a published example at 6.7 %', 3700, 36, 'effective', 6.7, 113.41],
    ['a published example at 5.8 %', 16_000, 36, 'effective', 5.8, 484.23],
    ['a published example at 8.2 %', 3700, 36, 'effective', 8.2, 115.79],
  ] as const)('matches %s', (_, amount, termMonths, rateIs, ratePercent, expected) => {
    const loan = { amount, termMonths, ratePercent };
    const payment = monthlyPayment(rateIs === 'nominal' ? loan : atNominalRate(loan));
    expect(payment.toFixed(2)).toBe(expected.toFixed(2));
  });
});

describe('effectiveApr', () => {
  const flows = (...pairs: readonly (readonly [number, number])[]) =>
    pairs.map(([years, amount]) => ({ years, amount }));

  it.each([
    [
      'Lloyds’ representative example',
      flows([0, 8000], ...range(1, 60).map((month) => [month / 12, -164.71] as const)),
      '9.0',
    ],
    ['COM(96) 79, Annex III, one payment', flows([0, 1000], [546 / 365, -1200]), '12.96'],
    ['98/7/EC, Annex III, with costs', flows([0, 950], [1.5, -1200]), '16.85'],
    [
      '98/7/EC, Annex III, three payments',
      flows([0, 1000], [0.25, -272], [0.5, -272], [1, -544]),
      '13.19',
    ],
  ])('matches %s', (_, credit, expected) => {
    const digits = expected.split('.')[1]!.length;
    expect(effectiveApr(credit).toFixed(digits)).toBe(expected);
  });

  it('is negative if less is repaid than was advanced', () => {
    expect(effectiveApr(flows([0, 1000], [1, -900]))).toBeCloseTo(-10, 8);
  });

  it('is NaN if nothing is repaid', () => {
    expect(effectiveApr(flows([0, 1000]))).toBeNaN();
    expect(effectiveApr([])).toBeNaN();
  });
});

describe('nominalApr, by Regulation Z, Appendix J', () => {
  const payments = (
    from: number,
    to: number,
    fraction: number,
    amount: number,
  ): UnitPeriodPayment[] => range(from, to).map((periods) => ({ periods, fraction, amount }));

  it.each([
    ['(c)(1)(i): monthly', 5000, 12, payments(1, 24, 0, 230), '9.69'],
    [
      '(c)(1)(iii): half-monthly, short first period',
      5000,
      24,
      payments(0, 23, 6 / 15, 219.17),
      '10.34',
    ],
    ['(c)(1)(v): weekly, long first period', 500, 52, payments(4, 33, 4 / 7, 17.6), '14.96'],
    [
      '(c)(2)(ii): four-weekly, another first payment',
      400,
      13,
      [...payments(1, 1, 5 / 28, 39.5), ...payments(2, 12, 5 / 28, 38.31)],
      '28.50',
    ],
    [
      '(c)(3)(ii): fortnightly, another last payment',
      200,
      26,
      [...payments(0, 18, 8 / 14, 9.5), ...payments(19, 19, 8 / 14, 30)],
      '12.22',
    ],
  ])('%s', (_, advance, periodsPerYear, schedule, expected) => {
    const apr = nominalApr({ advance, periodsPerYear, payments: schedule });
    expect(apr.toFixed(2)).toBe(expected);
  });
});

describe('nominalLoanApr, the Australian comparison rate', () => {
  it.each([
    ['NAB Personal Loan', 30_000, 60, 8.49, 250, 10, '9.54'],
    ['CommBank variable, from', 30_000, 60, 8.5, 0, 15, '9.53'],
    ['CommBank fixed, 10,000 over 3 years', 10_000, 36, 8.5, 0, 15, '11.69'],
    ['RACQ debt consolidation', 30_000, 60, 12.99, 195, 0, '13.28'],
    ['Westpac unsecured, from', 30_000, 60, 7.99, 250, 12, '9.18'],
  ])(
    'matches the rate that the bank publishes: %s',
    (_, amount, termMonths, ratePercent, upfrontFee, monthlyFee, expected) => {
      const rate = nominalLoanApr({ amount, termMonths, ratePercent, upfrontFee, monthlyFee });
      expect(rate.toFixed(2)).toBe(expected);
    },
  );

  it('is NaN if the fee consumes the loan', () => {
    const loan = { amount: 100, termMonths: 12, ratePercent: 5, monthlyFee: 0 };
    expect(nominalLoanApr({ ...loan, upfrontFee: 100 })).toBeNaN();
    expect(effectiveLoanApr({ ...loan, upfrontFee: 100 })).toBeNaN();
  });
});

describe('payments and rates are consistent', () => {
  const loans = fc.record({
    amount: fc.double({ min: 1, max: 1e8, noNaN: true }),
    termMonths: fc.integer({ min: 1, max: 600 }),
    ratePercent: fc.double({ min: 0.01, max: 100, noNaN: true }),
  });
  const free = { upfrontFee: 0, monthlyFee: 0 };

  it('a nominal rate computed from a payment is the original rate', () => {
    fc.assert(
      fc.property(loans, (loan) => {
        const { amount, termMonths, ratePercent } = loan;
        const payment = monthlyPayment(loan);
        const payments = range(1, termMonths).map((periods) => ({
          periods,
          fraction: 0,
          amount: payment,
        }));
        expect(nominalApr({ advance: amount, periodsPerYear: 12, payments })).toBeCloseTo(
          ratePercent,
          6,
        );
        expect(nominalLoanApr({ ...loan, ...free })).toBeCloseTo(ratePercent, 6);
      }),
    );
  });

  it('an effective rate computed from a payment is the original rate', () => {
    fc.assert(
      fc.property(loans, (loan) => {
        const payment = monthlyPayment(atNominalRate(loan));
        const flows = range(1, loan.termMonths).map((month) => ({
          years: month / 12,
          amount: -payment,
        }));
        const apr = effectiveApr([{ years: 0, amount: loan.amount }, ...flows]);
        expect(apr).toBeCloseTo(loan.ratePercent, 6);
      }),
    );
  });

  it('effectiveLoanApr equals effectiveApr of the loan’s flows, including fees', () => {
    const fees = fc.record({
      upfrontFee: fc.double({ min: 0, max: 0.5, noNaN: true }),
      monthlyFee: fc.double({ min: 0, max: 0.01, noNaN: true }),
    });
    fc.assert(
      fc.property(loans, fees, (loan, share) => {
        const upfrontFee = share.upfrontFee * loan.amount;
        const monthlyFee = share.monthlyFee * loan.amount;
        const payment = monthlyPayment(loan) + monthlyFee;
        const apr = effectiveApr([
          { years: 0, amount: loan.amount - upfrontFee },
          ...range(1, loan.termMonths).map((month) => ({ years: month / 12, amount: -payment })),
        ]);
        const short = effectiveLoanApr({ ...loan, upfrontFee, monthlyFee });
        expect(short / apr).toBeCloseTo(1, 6);
        expect(short).toBeGreaterThan(loan.ratePercent * 0.999);
      }),
    );
  });
});
