import type { Offer } from '../offers/offer';

/** `PENDING` until it is decided; then it never changes again. */
export type OrderStatus = 'PENDING' | Decision;

/** What confirm-payment may answer. */
export const decisions = ['APPROVED', 'REJECTED'] as const;

export type Decision = (typeof decisions)[number];

/** The record of a checkout, with the offer as it was at that moment. */
export interface Order {
  id: string;
  userId: string;
  status: OrderStatus;
  createdAt: Date;
  offer: Offer;
}
