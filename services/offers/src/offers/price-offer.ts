import {
  effectiveLoanApr,
  monthlyPayment,
  nominalLoanApr,
  type Loan,
  type LoanFees,
} from './loan-maths';
import type { Offer, PeriodicFee } from './offer';

/**
 * What `apr` tells: the effective rate of the European Union, or the nominal one of the United States and of
 * Australia's comparison rate, which differ in name only while all payments are monthly. One listing has one type:
 * rates of different types cannot be compared.
 */
export const aprTypes = ['eu-effective', 'us-nominal', 'au-comparison'] as const;

export type AprType = (typeof aprTypes)[number];

/** What a loan costs over a term. */
export interface Price {
  /** What is paid each month, periodic fees included; rounded to cents. */
  monthlyPayment: number;
  /** All that is paid over the term: the amount, its interest, and the fees; of the rounded payments. */
  totalCost: number;
  /** Percent a year, fees included, rounded to hundredths; missing where fees eat up the amount. */
  apr?: number;
  aprType: AprType;
}

export type PricedOffer = Offer & { price?: Price };

/** Adds what an offer costs if it is repaid in so many equal monthly payments; nothing where no term is given. */
export function priceOffer(
  offer: Offer,
  termMonths: number | undefined,
  aprType: AprType,
): PricedOffer {
  if (termMonths === undefined) return offer;
  const { amount, rate, fees } = offer;
  const monthlyFee = fees ? sum(fees.periodic.map(perMonth)) : 0;
  const loan: Loan & LoanFees = {
    amount,
    termMonths,
    ratePercent: rate,
    monthlyFee,
    upfrontFee: fees?.upfront ?? 0,
  };
  const paid = round(monthlyPayment(loan) + monthlyFee);
  const apr = aprType === 'eu-effective' ? effectiveLoanApr(loan) : nominalLoanApr(loan);
  return {
    ...offer,
    price: {
      monthlyPayment: paid,
      totalCost: round(paid * termMonths + loan.upfrontFee),
      ...(Number.isFinite(apr) && { apr: round(apr) }),
      aprType,
    },
  };
}

function perMonth({ amount, months }: PeriodicFee): number {
  return amount / months;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
