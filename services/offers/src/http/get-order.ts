import { AppError, endpoint, readPreferences, replyJson } from '@loan-buddy/kit';
import type { Response } from 'express';
import { z } from 'zod';
import { idSchema } from '../offers/offer';
import type { AwaitOrder } from '../orders/await-order';
import { orderBody, orderBodySchema, PENDING_RETRY_AFTER } from './order-body';
import { MAX_WAIT_S } from './post-checkout';

export class OrderNotFoundError extends AppError {
  readonly code = 'order-not-found';

  constructor(id: string) {
    super(`There is no order ${id}.`);
  }
}

export function getOrder({ awaitOrder }: { awaitOrder: AwaitOrder }) {
  return endpoint(
    {
      method: 'get',
      path: '/orders/{id}',
      operationId: 'getOrder',
      summary: 'One order',
      params: z.object({ id: idSchema }),
      requestHeaders: {
        Prefer: `\`wait=N\`: answered once it is no longer pending, or after N seconds, ${String(MAX_WAIT_S)} at most (RFC 7240).`,
      },
      responses: {
        200: {
          description: 'The order as it is now.',
          schema: orderBodySchema,
          headers: {
            'Retry-After': 'While it is pending: seconds after which to look again.',
            'Preference-Applied': 'That it was waited for.',
          },
        },
      },
      problems: ['order-not-found', 'database-unavailable'],
    },
    async ({ params, req, res }) => {
      const { waitS } = readPreferences(req);
      const seconds = Math.min(waitS ?? 0, MAX_WAIT_S);
      const order = await awaitOrder(params.id, { waitMs: seconds * 1000, signal: signalOf(res) });
      if (!order) throw new OrderNotFoundError(params.id);
      replyJson(res, 200, orderBody(order), [
        ...(order.status === 'PENDING' ? ['Retry-After', PENDING_RETRY_AFTER] : []),
        ...(waitS === undefined ? [] : ['Preference-Applied', `wait=${String(seconds)}`]),
      ]);
    },
  );
}

/** Aborts when the client has left. */
function signalOf(res: Response): AbortSignal {
  const leaving = new AbortController();
  res.once('close', () => {
    leaving.abort();
  });
  return leaving.signal;
}
