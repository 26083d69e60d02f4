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
    /** Percent per year including fees, rounded to hundredths; missing if fees consume the amount. */
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

function round(value: number): number {
  return Number(value.toFixed(2));
}
