import { z } from 'zod';
import { fromCamelCase } from '../domain/camel-case';
import { idSchema } from '../domain/id';
import { offerSchema } from '../domain/offer';
import { termSchema } from './offer-query';
import type { StoredResponse } from '../orders/idempotency';
import {
  isDecided,
  ORDER_ID_PATTERN,
  orderStatuses,
  type Order,
  type OrderStatus,
} from '../domain/order';

/** Seconds before the next poll of a pending order. */
export const PENDING_RETRY_AFTER = '1';

/** The docs page shows this id until the reader has created an order. */
const EXAMPLE_ID = 'order-0197f3a5-4c1b-7d3e-9a52-3f8e6b0c1d2e';

export const orderIdSchema = z.string().regex(ORDER_ID_PATTERN, 'must be the id of an order');

/** An order id in a path. Any text is valid: an unknown one gets a 404. */
export const orderParams = z.object({ id: idSchema.meta({ example: EXAMPLE_ID }) });

export function orderExample(status: OrderStatus) {
  return {
    id: EXAMPLE_ID,
    user_id: 'cristina',
    loan_id: 'offer2',
    status,
    created_at: '2025-07-08T12:30:45Z',
    provider: 'ProviderB',
    rate: 2.9,
    amount: 12_000,
  };
}

/** An order in a response. The five fields that every client knows come first. */
export const orderBodySchema = z
  .object({
    id: orderIdSchema,
    user_id: z.string(),
    loan_id: offerSchema.shape.id,
    status: z.enum(orderStatuses).meta({
      description:
        'PENDING until the decision, which is final. FAILED: no decision after all attempts.',
    }),
    created_at: z.iso.datetime(),
    provider: offerSchema.shape.provider,
    rate: offerSchema.shape.rate,
    amount: offerSchema.shape.amount,
    term_months: termSchema.optional().meta({ description: 'The requested term, if any.' }),
  })
  .meta({
    id: 'Order',
    description: 'An order, with a copy of the offer at checkout.',
    example: orderExample('APPROVED'),
  });

/** The fields of an order for a body, in camel case; the time in whole seconds. */
export function orderFields(order: Order) {
  const { id: loanId, ...offer } = order.offer;
  return {
    ...order,
    ...offer,
    loanId,
    createdAt: `${order.createdAt.toISOString().slice(0, 19)}Z`,
  };
}

const copyFields = fromCamelCase(orderBodySchema);

export function orderBody(order: Order) {
  return copyFields(orderFields(order));
}

/** Returns the response to the checkout that made an order: 201 if it is decided, otherwise 202. */
export function checkoutResponse(order: Order): StoredResponse {
  return { status: isDecided(order) ? 201 : 202, body: JSON.stringify(orderBody(order)) };
}
