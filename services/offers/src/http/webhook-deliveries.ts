import { AppError } from '@loan-buddy/kit/problem';
import { endpoint, type Endpoint, sendJson } from '@loan-buddy/kit/server';
import { z } from 'zod';
import type { WebhookDelivery } from '../webhooks/webhook-delivery-store';
import type { Receiver } from '../webhooks/receiver-store';
import { DELIVERY_ID_PATTERN } from '../webhooks/webhook-message';
import type { Webhooks } from '../webhooks/webhooks';
import { fromCamelCase } from '../domain/camel-case';
import { deliveryStatuses } from '../domain/delivery-status';
import { pageParameters, pageResponse, readPage } from './page';
import { receiverIdSchema } from './receiver-body';
import { receiverParams, requireFound, webhookContract } from './webhook-receivers';

export class DeliveryNotFoundError extends AppError {
  readonly code = 'webhook-delivery-not-found';
}

/** The receiver is disabled: nothing would be sent, so the request must fail. */
export class ReceiverDisabledError extends AppError {
  readonly code = 'webhook-endpoint-disabled';
}

const deliveryIdSchema = z.string().regex(DELIVERY_ID_PATTERN, 'must be the id of a delivery');

/** The docs page shows this id until the reader has seen a delivery. */
const withExample = { example: 'msg_0197f3a54c1b7d3e9a523f8e6b0c1d2e' };

const deliveryBodySchema = z
  .object({
    id: deliveryIdSchema.meta({
      ...withExample,
      description: 'Sent as `webhook-id`, the same in each attempt.',
    }),
    type: z.string(),
    timestamp: z.iso.datetime().meta({ description: 'When the event happened.' }),
    data: z.looseObject({}),
    status: z.enum(deliveryStatuses).meta({
      description: 'failed: no further attempts, unless an operator replays it.',
    }),
    attempts: z.int().meta({ description: 'Attempts since it was created or last replayed.' }),
    next_attempt_at: z.iso.datetime().nullable(),
    last_attempt_at: z.iso.datetime().nullable(),
    last_status_code: z.int().nullable().meta({ description: 'null if there was no response.' }),
    last_error: z.string().nullable(),
    created_at: z.iso.datetime(),
    delivered_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'WebhookDelivery' });

const copyFields = fromCamelCase(deliveryBodySchema);

function deliveryBody({ time: timestamp, dueAt: nextAttemptAt, ...rest }: WebhookDelivery) {
  return copyFields({ ...rest, timestamp, nextAttemptAt, data: { ...rest.data } });
}

type Dependencies = Pick<Webhooks, 'receivers' | 'deliveries' | 'wake'>;

const dueDelivery = {
  202: { description: 'The delivery, due at once.', schema: deliveryBodySchema },
};

export function deliveryEndpoints({ receivers, deliveries, wake }: Dependencies): Endpoint[] {
  return [
    endpoint(
      {
        ...webhookContract,
        method: 'post',
        path: '/webhook-endpoints/{id}/test',
        operationId: 'testWebhookEndpoint',
        summary: 'Send a test message',
        params: receiverParams,
        responses: dueDelivery,
        problems: [
          'webhook-endpoint-not-found',
          'webhook-endpoint-disabled',
          'database-unavailable',
        ],
      },
      async ({ params: { id }, res }) => {
        requireEnabled(requireFound(id, await receivers.find(id)));
        const created = await deliveries.insertTest(id);
        wake();
        sendJson(res, 202, deliveryBody(created));
      },
    ),
    endpoint(
      {
        ...webhookContract,
        method: 'get',
        path: '/webhook-endpoints/{id}/deliveries',
        operationId: 'listWebhookDeliveries',
        summary: 'The deliveries of a receiver, newest first',
        params: receiverParams,
        query: z.object(pageParameters(deliveryIdSchema)),
        responses: pageResponse('One page of deliveries.', deliveryBodySchema),
        problems: ['webhook-endpoint-not-found', 'database-unavailable'],
      },
      async ({ params: { id }, query, res }) => {
        requireFound(id, await receivers.find(id));
        const path = `/webhook-endpoints/${id}/deliveries`;
        const { items, headers } = await readPage(path, query, (page) => deliveries.list(id, page));
        sendJson(res, 200, items.map(deliveryBody), headers);
      },
    ),
    endpoint(
      {
        ...webhookContract,
        method: 'post',
        path: '/webhook-endpoints/{id}/deliveries/{delivery_id}/replay',
        operationId: 'replayWebhookDelivery',
        summary: 'Send a delivery again, now',
        description: 'Whatever its status is; its attempts start again from zero.',
        params: z.object({ id: receiverIdSchema, delivery_id: deliveryIdSchema.meta(withExample) }),
        responses: dueDelivery,
        problems: [
          'webhook-endpoint-not-found',
          'webhook-delivery-not-found',
          'webhook-endpoint-disabled',
          'database-unavailable',
        ],
      },
      async ({ params: { id, delivery_id: deliveryId }, res }) => {
        requireEnabled(requireFound(id, await receivers.find(id)));
        const replayed = await deliveries.replay(id, deliveryId);
        if (!replayed)
          throw new DeliveryNotFoundError(`The receiver has no delivery ${deliveryId}.`);
        wake();
        sendJson(res, 202, deliveryBody(replayed));
      },
    ),
  ];
}

function requireEnabled({ enabled }: Receiver): void {
  if (!enabled) throw new ReceiverDisabledError('The receiver is disabled: enable it first.');
}
