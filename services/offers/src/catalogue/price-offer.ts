import { effectiveLoanApr, monthlyPayment, nominalLoanApr } from './loan-maths';
import type { Offer } from '../domain/offer';

/**
 * The basis of `apr`: the EU's effective rate, or the nominal rate of the US and of Australia's comparison rate, which
 * differ only in name while all payments are monthly. A listing uses one type: different types are not comparable.
 */
export const aprTypes = ['eu-effective', 'us-nominal', 'au-comparison'] as const;

export type AprType = (typeof aprTypes)[number];

/** An offer, and its cost if the term is known; amounts include fees and are rounded to cents. */
export type PricedOffer = Offer & {
  price?: {
    monthlyPayment: number;
    /** Based on the rounded payments. */
    totalCost: number;
    /** Percent per year including fees, rounded to hundredths; missing if fees consume almost the whole amount. */
    apr?: number;
    aprType: AprType;
  };
};

/** Adds the cost of repaying the offer in equal monthly payments; adds nothing without a term. */
export function priceOffer(
  offer: Offer,
  termMonths: number | undefined,
  aprType: AprType,
): PricedOffer {
  if (termMonths === undefined) return offer;
  const { amount, rate: ratePercent, fees = { upfront: 0, periodic: [] } } = offer;
  const monthlyFee = fees.periodic.reduce((sum, fee) => sum + fee.amount / fee.months, 0);
  const loan = { amount, termMonths, ratePercent, monthlyFee, upfrontFee: fees.upfront };
  const rounded = round(monthlyPayment(loan) + monthlyFee);
  // If payments rounded down would not repay what was lent, each is a cent higher. Tolerates binary fractions.
  const owed = amount + monthlyFee * termMonths;
  const paid = rounded * termMonths < owed * (1 - 1e-15) ? round(rounded + 0.01) : rounded;
  const totalCost = round(paid * termMonths + loan.upfrontFee);
  if (!Number.isFinite(totalCost)) return offer;
  const apr = aprType === 'eu-effective' ? effectiveLoanApr(loan) : nominalLoanApr(loan);
  return {
    ...offer,
    price: {
      monthlyPayment: paid,
      totalCost,
      ...(apr <= MAX_APR && { apr: round(apr) }),
      aprType,
    },
  };
}

/** An APR above this says only that fees consume almost the whole amount. */
const MAX_APR = 10_000;

function round(value: number): number {
  return Number(value.toFixed(2));
}
