import { releaseSlot } from '@loan-buddy/kit/admission';
import { AppError } from '@loan-buddy/kit/problem';
import { endpoint, sendJson } from '@loan-buddy/kit/server';
import { mayActFor, readOrders } from './access';
import type { AwaitOrder } from '../orders/await-order';
import { orderBody, orderBodySchema, orderParams, PENDING_RETRY_AFTER } from './order-body';
import { MAX_WAIT_S, preferredWait, readPreferences, signalOf } from './prefer';
import { ordersTag } from './tags';

export class OrderNotFoundError extends AppError {
  readonly code = 'order-not-found';

  constructor(id: string) {
    super(`No order has the id ${id}.`);
  }
}

/** Another user's order: the response does not reveal that it exists. */
export class OrderHiddenError extends OrderNotFoundError {
  override readonly denied = true;
}

export function getOrder({ awaitOrder }: { awaitOrder: AwaitOrder }) {
  return endpoint(
    {
      method: 'get',
      path: '/orders/{id}',
      operationId: 'getOrder',
      tag: ordersTag,
      summary: 'One order',
      access: readOrders,
      params: orderParams,
      requestHeaders: {
        Prefer: `\`wait=N\`: wait up to N seconds for the decision, ${String(MAX_WAIT_S)} at most (RFC 7240).`,
      },
      responses: {
        200: {
          description: 'The current order.',
          schema: orderBodySchema,
          headers: {
            'Retry-After': 'While the order is pending: seconds until the next poll.',
            'Preference-Applied': 'The `wait` that was applied.',
          },
        },
      },
      problems: ['order-not-found', 'database-unavailable'],
    },
    async ({ params, caller, req, res }) => {
      const { waitMs, applied } = preferredWait(readPreferences(req));
      let order = await awaitOrder(params.id, { waitMs: 0 });
      if (!order) throw new OrderNotFoundError(params.id);
      if (!mayActFor(caller, order.userId)) throw new OrderHiddenError(params.id);
      if (order.status === 'PENDING' && waitMs > 0) {
        releaseSlot(req);
        order = (await awaitOrder(params.id, { waitMs, signal: signalOf(res) })) ?? order;
      }
      sendJson(res, 200, orderBody(order), [
        ...(order.status === 'PENDING' ? ['Retry-After', PENDING_RETRY_AFTER] : []),
        ...applied.flatMap((preference) => ['Preference-Applied', preference]),
      ]);
    },
  );
}
