import {
  continueTrace,
  endpoint,
  readPreferences,
  releaseSlot,
  replyJson,
  signalOf,
} from '@loan-buddy/kit';
import type { Request } from 'express';
import { z } from 'zod';
import { requireMayActFor, writeOrders } from './access';
import { idSchema } from '../id';
import type { CheckoutMode } from '../orders/checkout';
import type { IdempotentCheckout } from '../orders/idempotent-checkout';
import { readIdempotencyKey } from './idempotency-key';
import { amountSchema, termSchema } from './offer-query';
import { orderBodySchema, PENDING_RETRY_AFTER } from './order-body';
import { preferredWait } from './prefer-wait';

const checkoutSchema = z
  .object({
    user_id: idSchema.meta({ example: 'cristina' }),
    loan_id: idSchema.meta({ example: 'offer2', description: 'The id of an offer.' }),
    amount: amountSchema.optional().meta({
      description: 'The amount the offer was listed for, where one was asked for.',
    }),
    term_months: termSchema.optional().meta({ description: 'Likewise the term.' }),
    email: z
      .email()
      .max(254)
      .optional()
      .meta({ description: 'Where to tell of the decision.', example: 'cristina@example.com' }),
  })
  .meta({ id: 'Checkout' });

/**
 * How long to wait for a decision that is requested in the background, and which preferences that honours (RFC 7240): at once
 * with `respond-async`, unless `wait` gives a time. Undefined where the decision is asked for first.
 */
function asyncWait(req: Request, mode: CheckoutMode) {
  const preferences = readPreferences(req);
  if (!preferences.respondAsync && mode === 'sync') return undefined;
  const { waitMs, applied } = preferredWait(preferences);
  return { waitMs, applied: preferences.respondAsync ? ['respond-async', ...applied] : applied };
}

export function postCheckout(dependencies: {
  idempotentCheckout: IdempotentCheckout;
  checkoutMode: CheckoutMode;
}) {
  const { idempotentCheckout, checkoutMode } = dependencies;
  const headers = {
    Location: 'Where the order can be read from now on.',
    'Preference-Applied': 'Which of the preferences were honoured.',
    'Idempotent-Replayed':
      '`true` where an earlier request with the same key got this very answer.',
  };
  return endpoint(
    {
      method: 'post',
      path: '/checkout',
      operationId: 'checkout',
      summary: 'Pick an offer',
      access: writeOrders,
      requestHeaders: {
        'Idempotency-Key':
          'Makes it safe to send the request again: of one user, the same key makes no second order and gets the first answer.',
        Prefer:
          '`respond-async`: answered at once, before anybody has decided (RFC 7240). With `wait=N`, after N seconds at most.',
        traceparent: 'The trace that the order is part of (W3C Trace Context).',
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
    async ({ body, caller, req, res }) => {
      requireMayActFor(caller, body.user_id);
      const asynchronous = asyncWait(req, checkoutMode);
      const sentTrace = req.headersDistinct['traceparent'];
      const { orderId, response, replayed } = await idempotentCheckout(
        {
          userId: body.user_id,
          loanId: body.loan_id,
          amount: body.amount,
          termMonths: body.term_months,
          email: body.email,
          waitMs: asynchronous?.waitMs,
          signal: asynchronous && signalOf(res),
          onWait: () => {
            releaseSlot(req);
          },
          requestId: req.requestId,
          traceparent: continueTrace(sentTrace?.length === 1 ? sentTrace[0] : undefined),
        },
        { client: caller.subject ?? body.user_id, key: readIdempotencyKey(req) },
      );
      replyJson(res, response.status, response.body, [
        ...['Location', `/orders/${orderId}`],
        ...(response.status === 202 ? ['Retry-After', PENDING_RETRY_AFTER] : []),
        ...(replayed ? ['Idempotent-Replayed', 'true'] : []),
        ...(asynchronous?.applied.length
          ? ['Preference-Applied', asynchronous.applied.join(', ')]
          : []),
      ]);
    },
  );
}
