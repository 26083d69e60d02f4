import { AppError, endpoint, replyJson } from '@loan-buddy/kit';
import { z } from 'zod';
import { idSchema } from '../offers/offer';
import type { OrderStore } from '../orders/order-store';
import { orderBody, orderBodySchema } from './order-body';

export class OrderNotFoundError extends AppError {
  readonly code = 'order-not-found';

  constructor(id: string) {
    super(`There is no order ${id}.`);
  }
}

export function getOrder({ orders }: { orders: Pick<OrderStore, 'find'> }) {
  return endpoint(
    {
      method: 'get',
      path: '/orders/{id}',
      operationId: 'getOrder',
      summary: 'One order',
      params: z.object({ id: idSchema }),
      responses: { 200: { description: 'The order as it is now.', schema: orderBodySchema } },
      problems: ['order-not-found', 'database-unavailable'],
    },
    async ({ params, res }) => {
      const order = await orders.find(params.id);
      if (!order) throw new OrderNotFoundError(params.id);
      replyJson(res, 200, orderBody(order));
    },
  );
}
