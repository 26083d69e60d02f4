import { v7 as uuidv7 } from 'uuid';
import type { Offer } from '../offers/offer';

/** What confirm-payment may answer. */
export const decisions = ['APPROVED', 'REJECTED'] as const;

export type Decision = (typeof decisions)[number];

/**
 * `PENDING` until it is decided; a decision never changes again. `FAILED` means given up: after the last retry nobody
 * had decided, and it stays so until an operator has it asked for again.
 */
export const orderStatuses = ['PENDING', ...decisions, 'FAILED'] as const;

export type OrderStatus = (typeof orderStatuses)[number];

/** An offer as an order keeps it, and the term if one was asked for. */
export type OrderedOffer = Pick<Offer, 'id' | 'provider' | 'rate' | 'amount'> & {
  termMonths?: number | undefined;
};

/** The record of a checkout, with the offer as it was at that moment. */
export interface Order {
  id: string;
  userId: string;
  status: OrderStatus;
  createdAt: Date;
  offer: OrderedOffer;
  /** Number of failed attempts to get a decision. */
  attempts: number;
}

/** What is stored with a new order and never read back into one: only events and e-mails carry it. */
export interface NewOrder extends Order {
  /** Of the checkout (W3C Trace Context). */
  traceparent?: string | undefined;
  /** Where the user wants to be told of the decision. */
  email?: string | undefined;
}

/** Whether confirm-payment has spoken: the status is final. */
export function isDecided({ status }: Pick<Order, 'status'>): boolean {
  return decisions.some((decision) => decision === status);
}

/** `order-` and a UUIDv7 (RFC 9562): ids made later sort later. */
export function newOrderId(): string {
  return `order-${uuidv7()}`;
}

/** What every order id looks like. */
export const ORDER_ID_PATTERN = /^order-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
