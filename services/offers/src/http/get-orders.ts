import { endpoint, sendJson } from '@loan-buddy/kit/server';
import { z } from 'zod';
import { readOrders, requireMayActFor } from './access';
import { idSchema } from '../domain/id';
import type { OrderStore, Page } from '../orders/order-store';
import { orderBody, orderBodySchema, orderIdSchema } from './order-body';
import { pageParameters, pageResponse, readPage } from './page';
import { ordersTag } from './tags';

export function getOrders({ orders }: { orders: Pick<OrderStore, 'listByUser'> }) {
  return endpoint(
    {
      method: 'get',
      path: '/orders',
      operationId: 'listOrders',
      tag: ordersTag,
      summary: 'The orders of a user, newest first',
      access: readOrders,
      query: z.object({
        user_id: idSchema.meta({ example: 'cristina' }),
        ...pageParameters(orderIdSchema),
      }),
      responses: pageResponse('One page of orders.', orderBodySchema),
      problems: ['database-unavailable'],
    },
    async ({ query, caller, res }) => {
      requireMayActFor(caller, query.user_id);
      const list = (page: Page) => orders.listByUser(query.user_id, page);
      const { items, headers } = await readPage('/orders', query, list);
      sendJson(res, 200, items.map(orderBody), headers);
    },
  );
}
