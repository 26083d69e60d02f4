import { v7 as uuidv7 } from 'uuid';
import type { Offer } from './offer';

export const decisions = ['APPROVED', 'REJECTED'] as const;

export type Decision = (typeof decisions)[number];

/**
 * `PENDING` until decided; a decision never changes. `FAILED` means that no attempt got a decision; the order stays
 * failed until an operator retries it.
 */
export const orderStatuses = ['PENDING', ...decisions, 'FAILED'] as const;

export type OrderStatus = (typeof orderStatuses)[number];

/** The fields that an order copies from its offer, and the requested term, if any. Each is a column. */
export const orderedFields = ['provider', 'rate', 'amount', 'termMonths'] as const;

type OrderedField = (typeof orderedFields)[number];

/** The offer as stored with an order. */
export type OrderedOffer = Pick<Offer & { termMonths?: number | undefined }, 'id' | OrderedField>;

/** Copies the fields that an order keeps. */
export function orderedOffer(
  offer: Pick<Offer, 'id'> & { [Field in OrderedField]?: OrderedOffer[Field] | null },
): OrderedOffer {
  const kept = orderedFields.map((field) => [field, offer[field] ?? undefined]);
  return { id: offer.id, ...Object.fromEntries(kept) } as OrderedOffer;
}

export interface Order {
  id: string;
  userId: string;
  status: OrderStatus;
  createdAt: Date;
  offer: OrderedOffer;
  attempts: number;
}

/** Fields stored with a new order but used only by events and e-mails. */
export interface NewOrder extends Order {
  /** Trace context of the checkout (W3C Trace Context). */
  traceparent?: string | undefined;
  /** Where to e-mail the decision. */
  email?: string | undefined;
}

/** Whether confirm-payment has decided: the status is final. */
export function isDecided({ status }: Pick<Order, 'status'>): boolean {
  return decisions.some((decision) => decision === status);
}

/** `order-` and a UUIDv7 (RFC 9562): ids made later sort later. */
export function newOrderId(): string {
  return `order-${uuidv7()}`;
}

export const ORDER_ID_PATTERN = /^order-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
