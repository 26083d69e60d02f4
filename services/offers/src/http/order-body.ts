import { z } from 'zod';
import { offerSchema } from '../offers/offer';
import { termSchema } from './offer-query';
import type { StoredResponse } from '../orders/idempotency';
import { isDecided, ORDER_ID_PATTERN, orderStatuses, type Order } from '../orders/order';

/** Seconds after which to look again at an order that is not decided yet. */
export const PENDING_RETRY_AFTER = '1';

export const orderIdSchema = z
  .string()
  .regex(ORDER_ID_PATTERN, 'must be the id of an order')
  .meta({ example: 'order-0197f3a5-4c1b-7d3e-9a52-3f8e6b0c1d2e' });

/** An order on the wire: the five fields every client knows come first. */
export const orderBodySchema = z
  .object({
    id: orderIdSchema,
    user_id: z.string().meta({ example: 'cristina' }),
    loan_id: offerSchema.shape.id,
    status: z.enum(orderStatuses).meta({
      description:
        'PENDING until somebody decides; a decision never changes again. FAILED: nobody decided, after all retries.',
    }),
    created_at: z.iso.datetime().meta({ example: '2025-07-08T12:30:45Z' }),
    provider: offerSchema.shape.provider,
    rate: offerSchema.shape.rate,
    amount: offerSchema.shape.amount,
    term_months: termSchema.optional().meta({ description: 'If one was asked for.' }),
  })
  .meta({ id: 'Order', description: 'The offer is copied as it was at checkout.' });

type OrderBody = z.output<typeof orderBodySchema>;

export function orderBody({ id, userId, status, createdAt, offer }: Order): OrderBody {
  return {
    id,
    user_id: userId,
    loan_id: offer.id,
    status,
    created_at: `${createdAt.toISOString().slice(0, 19)}Z`,
    provider: offer.provider,
    rate: offer.rate,
    amount: offer.amount,
    ...(offer.termMonths !== undefined && { term_months: offer.termMonths }),
  };
}

/** The response to the checkout that made an order: 201 once it is decided, 202 until then. */
export function checkoutResponse(order: Order): StoredResponse {
  return { status: isDecided(order) ? 201 : 202, body: JSON.stringify(orderBody(order)) };
}
