import { endpoint, replyJson } from '@loan-buddy/kit';
import { z } from 'zod';
import { idSchema } from '../offers/offer';
import type { Checkout } from '../orders/checkout';
import { orderBody, orderBodySchema } from './order-body';

/** When to look again at an order that is not decided yet. */
const PENDING_RETRY_AFTER_S = '1';

const checkoutSchema = z
  .object({
    user_id: idSchema.meta({ example: 'cristina' }),
    loan_id: idSchema.meta({ example: 'offer2', description: 'The id of an offer.' }),
  })
  .meta({ id: 'Checkout' });

export function postCheckout({ checkout }: { checkout: Checkout }) {
  const location = { Location: 'Where the order can be read from now on.' };
  return endpoint(
    {
      method: 'post',
      path: '/checkout',
      operationId: 'checkout',
      summary: 'Pick an offer',
      body: checkoutSchema,
      responses: {
        201: { description: 'The order, decided.', schema: orderBodySchema, headers: location },
        202: {
          description: 'The order is kept, and nobody has decided it yet.',
          schema: orderBodySchema,
          headers: { ...location, 'Retry-After': 'Seconds after which to look at it again.' },
        },
      },
      problems: ['unknown-loan', 'provider-unavailable'],
    },
    async ({ body, req, res }) => {
      const order = await checkout({
        userId: body.user_id,
        loanId: body.loan_id,
        requestId: req.requestId,
      });
      const pending = order.status === 'PENDING';
      replyJson(res, pending ? 202 : 201, orderBody(order), [
        'Location',
        `/orders/${order.id}`,
        ...(pending ? ['Retry-After', PENDING_RETRY_AFTER_S] : []),
      ]);
    },
  );
}
