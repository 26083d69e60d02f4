import { releaseSlot } from '@loan-buddy/kit/admission';
import { headerLines, ValidationError } from '@loan-buddy/kit/problem';
import { endpoint, sendJson } from '@loan-buddy/kit/server';
import { currentTraceparent } from '@loan-buddy/kit/telemetry';
import type { Request } from 'express';
import { z } from 'zod';
import { requireMayActFor, writeOrders } from './access';
import { idSchema } from '../domain/id';
import { emailAddressSchema } from '../domain/email-address';
import type { CheckoutMode } from '../orders/checkout';
import type { IdempotentCheckout } from '../orders/idempotent-checkout';
import { amountSchema, termSchema } from './offer-query';
import { orderBodySchema, orderExample, PENDING_RETRY_AFTER } from './order-body';
import { preferredWait, readPreferences, signalOf } from './prefer';
import { ordersTag } from './tags';

const checkoutSchema = z
  .object({
    user_id: idSchema.meta({ example: 'cristina' }),
    loan_id: idSchema.meta({ example: 'offer2', description: 'The id of an offer.' }),
    amount: amountSchema.optional().meta({
      description: 'The `amount` that the offer was listed for, if any.',
    }),
    term_months: termSchema
      .optional()
      .meta({ description: 'The `term_months` that it was listed for, if any.' }),
    email: emailAddressSchema
      .optional()
      .meta({ description: 'Where to send the decision.', example: 'cristina@example.com' }),
  })
  .meta({ id: 'Checkout' });

/**
 * An `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a quoted RFC 8941 string, or the same text
 * without quotes, as many clients send it. Both forms are the same key.
 */
const KEY = /^(?:"((?:[ !#-[\]-~]|\\["\\]){1,255})"|([!#-~][ !#-~]{0,254}))$/;

/** @throws {ValidationError} if the header is malformed, empty, too long, or repeated. */
function readIdempotencyKey(req: Request): string | undefined {
  const sent = headerLines(req, 'idempotency-key');
  if (sent.length === 0) return undefined;
  const [, quoted, bare] = KEY.exec(sent.length === 1 ? sent[0]! : '') ?? [];
  const key = quoted?.replace(/\\(.)/g, '$1') ?? bare;
  if (key !== undefined) return key;
  const detail = 'must be sent once, as 1 to 255 printable ASCII characters';
  throw new ValidationError([{ detail, header: 'Idempotency-Key' }]);
}

/** How long to wait for the worker's decision (RFC 7240); undefined if the checkout itself requests the decision. */
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
    'Preference-Applied': 'The preferences that were applied.',
    'Idempotent-Replayed': '`true`: the response to an earlier request with the same key.',
  };
  return endpoint(
    {
      method: 'post',
      path: '/checkout',
      operationId: 'checkout',
      tag: ordersTag,
      summary: 'Choose an offer and get the decision',
      access: writeOrders,
      requestHeaders: {
        'Idempotency-Key': {
          description:
            'Makes retries safe: the same user and key get the first response again, and no second order.',
          pattern: KEY.source,
        },
        Prefer:
          '`respond-async`: respond before the decision (RFC 7240). With `wait=N`, wait up to N seconds for it.',
        traceparent: 'The trace that the order is part of (W3C Trace Context).',
      },
      body: checkoutSchema,
      bodyExample: { user_id: 'cristina', loan_id: 'offer2' },
      responses: {
        201: { description: 'The order and its decision.', schema: orderBodySchema, headers },
        202: {
          description: 'The order is stored; the decision is pending.',
          schema: orderBodySchema,
          example: orderExample('PENDING'),
          headers: { ...headers, 'Retry-After': 'Seconds until the next poll.' },
        },
      },
      headers: {
        Location:
          'The URL of the order. In a 500 or 503: where it is, if it was stored; `order_id` is its id.',
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
      const sentTrace = headerLines(req, 'traceparent');
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
          traceparent: currentTraceparent(sentTrace.length === 1 ? sentTrace[0] : undefined),
        },
        { client: caller.subject ?? body.user_id, key: readIdempotencyKey(req) },
      );
      sendJson(res, response.status, response.body, [
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
