import {
  AppError,
  endpoint,
  isAbandoned,
  readPreferences,
  replyJson,
  standAside,
} from '@loan-buddy/kit';
import type { Response } from 'express';
import { z } from 'zod';
import { mayActFor, readOrders } from './access';
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

/** Somebody else's order: whoever asks is not told that there is one. */
export class OrderHiddenError extends OrderNotFoundError {
  override readonly denied = true;
}

export function getOrder({ awaitOrder }: { awaitOrder: AwaitOrder }) {
  return endpoint(
    {
      method: 'get',
      path: '/orders/{id}',
      operationId: 'getOrder',
      summary: 'One order',
      access: readOrders,
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
    async ({ params, caller, req, res }) => {
      const { waitS } = readPreferences(req);
      const seconds = Math.min(waitS ?? 0, MAX_WAIT_S);
      let order = await awaitOrder(params.id, { waitMs: 0 });
      if (!order) throw new OrderNotFoundError(params.id);
      if (!mayActFor(caller, order.userId)) throw new OrderHiddenError(params.id);
      if (order.status === 'PENDING' && seconds > 0) {
        standAside(req);
        const wait = { waitMs: seconds * 1000, signal: signalOf(res) };
        order = (await awaitOrder(params.id, wait)) ?? order;
      }
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
  if (isAbandoned(res)) leaving.abort();
  res.once('close', () => {
    leaving.abort();
  });
  return leaving.signal;
}
