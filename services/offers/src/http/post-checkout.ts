import { endpoint, replyJson } from '@loan-buddy/kit';
import { z } from 'zod';
import { idSchema } from '../offers/offer';
import type { AnswerCheckout } from './answer-checkout';
import { readIdempotencyKey } from './idempotency-key';
import { amountSchema, termSchema } from './offer-query';
import { orderBodySchema, PENDING_RETRY_AFTER } from './order-body';

const checkoutSchema = z
  .object({
    user_id: idSchema.meta({ example: 'cristina' }),
    loan_id: idSchema.meta({ example: 'offer2', description: 'The id of an offer.' }),
    amount: amountSchema.optional().meta({
      description: 'The amount the offer was listed for, where one was asked for.',
    }),
    term_months: termSchema.optional().meta({ description: 'Likewise the term.' }),
  })
  .meta({ id: 'Checkout' });

export function postCheckout({ answerCheckout }: { answerCheckout: AnswerCheckout }) {
  const headers = {
    Location: 'Where the order can be read from now on.',
    'Idempotent-Replayed':
      '`true` where an earlier request with the same key got this very answer.',
  };
  return endpoint(
    {
      method: 'post',
      path: '/checkout',
      operationId: 'checkout',
      summary: 'Pick an offer',
      requestHeaders: {
        'Idempotency-Key':
          'Makes it safe to send the request again: of one user, the same key makes no second order and gets the first answer.',
      },
      body: checkoutSchema,
      responses: {
        201: { description: 'The order, decided.', schema: orderBodySchema, headers },
        202: {
          description: 'The order is kept, and nobody has decided it yet.',
          schema: orderBodySchema,
          headers: { ...headers, 'Retry-After': 'Seconds after which to look at it again.' },
        },
      },
      problems: [
        'unknown-loan',
        'provider-unavailable',
        'database-unavailable',
        'request-in-flight',
        'idempotency-key-reused',
      ],
    },
    async ({ body, req, res }) => {
      const { orderId, response, replayed } = await answerCheckout(
        {
          userId: body.user_id,
          loanId: body.loan_id,
          amount: body.amount,
          termMonths: body.term_months,
          requestId: req.requestId,
        },
        readIdempotencyKey(req),
      );
      replyJson(res, response.status, response.body, [
        ...['Location', `/orders/${orderId}`],
        ...(response.status === 202 ? ['Retry-After', PENDING_RETRY_AFTER] : []),
        ...(replayed ? ['Idempotent-Replayed', 'true'] : []),
      ]);
    },
  );
}
