import { AppError } from '@loan-buddy/kit/problem';
import { endpoint, type Endpoint, sendJson } from '@loan-buddy/kit/server';
import type { Worker } from '../db/worker';
import { z } from 'zod';
import { administerOrders } from './access';
import { fromCamelCase } from '../domain/camel-case';
import type { OrderStore } from '../orders/order-store';
import {
  orderBody,
  orderBodySchema,
  orderExample,
  orderFields,
  orderIdSchema,
  orderParams,
  PENDING_RETRY_AFTER,
} from './order-body';
import { pageParameters, pageResponse, readPage } from './page';
import { failedOrdersTag } from './tags';

export class NotFailedError extends AppError {
  readonly code = 'order-not-failed';
}

interface Dependencies {
  orders: Pick<OrderStore, 'listFailed' | 'retry' | 'retryAll'>;
  decisionWorker: Pick<Worker, 'wake'>;
}

const forOperators = { tag: failedOrdersTag, access: administerOrders };

const failedOrderSchema = orderBodySchema
  .extend({
    attempts: z.int().meta({ description: 'Number of failed attempts to get a decision.' }),
    last_error: z.string().nullable().meta({ description: 'Why the last attempt failed.' }),
  })
  .meta({
    id: 'FailedOrder',
    example: {
      ...orderExample('FAILED'),
      attempts: 10,
      last_error: 'confirm-payment did not respond in time',
    },
  });

const copyFields = fromCamelCase(failedOrderSchema);

/** For the orders that got no decision and need an operator. */
export function failedOrderEndpoints({ orders, decisionWorker }: Dependencies): Endpoint[] {
  return [
    endpoint(
      {
        ...forOperators,
        method: 'get',
        path: '/failed-orders',
        operationId: 'listFailedOrders',
        summary: 'The failed orders, newest first',
        query: z.object(pageParameters(orderIdSchema)),
        responses: pageResponse('One page of orders.', failedOrderSchema),
        problems: ['database-unavailable'],
      },
      async ({ query, res }) => {
        const { items, headers } = await readPage('/failed-orders', query, orders.listFailed);
        const bodies = items.map((order) => copyFields({ ...order, ...orderFields(order) }));
        sendJson(res, 200, bodies, headers);
      },
    ),
    endpoint(
      {
        ...forOperators,
        method: 'post',
        path: '/failed-orders/{id}/retry',
        operationId: 'retryFailedOrder',
        summary: 'Retry one failed order',
        params: orderParams,
        responses: {
          202: {
            description: 'The order, PENDING again.',
            schema: orderBodySchema,
            example: orderExample('PENDING'),
            headers: {
              Location: 'The URL of the order.',
              'Retry-After': 'Seconds until the next poll.',
            },
          },
        },
        problems: ['order-not-failed', 'database-unavailable'],
      },
      async ({ params, res }) => {
        const order = await orders.retry(params.id);
        if (!order) throw new NotFailedError(`No failed order has the id ${params.id}.`);
        decisionWorker.wake();
        const headers = ['Location', `/orders/${order.id}`, 'Retry-After', PENDING_RETRY_AFTER];
        sendJson(res, 202, orderBody(order), headers);
      },
    ),
    endpoint(
      {
        ...forOperators,
        method: 'post',
        path: '/failed-orders/retry',
        operationId: 'retryFailedOrders',
        summary: 'Retry all failed orders',
        responses: {
          202: {
            description: 'How many orders are PENDING again.',
            schema: z.object({ retried: z.int() }),
          },
        },
        problems: ['database-unavailable'],
      },
      async ({ res }) => {
        const retried = await orders.retryAll();
        decisionWorker.wake();
        sendJson(res, 202, { retried });
      },
    ),
  ];
}
