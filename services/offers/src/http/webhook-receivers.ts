import { AppError } from '@loan-buddy/kit/problem';
import { endpoint, type Endpoint, sendEmpty, sendJson } from '@loan-buddy/kit/server';
import { z } from 'zod';
import { manageWebhooks } from './access';
import { MAX_RECEIVERS } from '../webhooks/receiver-store';
import { newSecret } from '../webhooks/webhook-message';
import type { Webhooks } from '../webhooks/webhooks';
import {
  receiverBody,
  receiverBodySchema,
  receiverChangesSchema,
  receiverIdSchema,
  receiverWithSecretSchema,
  newReceiverSchema,
} from './receiver-body';
import { webhooksTag } from './tags';

export class ReceiverNotFoundError extends AppError {
  readonly code = 'webhook-endpoint-not-found';
}

export class TooManyReceiversError extends AppError {
  readonly code = 'too-many-webhook-endpoints';
}

/** How long the previous secret still signs, so that receivers have time to switch. */
const PREVIOUS_SECRET_MS = 24 * 3_600_000;

type Dependencies = Pick<Webhooks, 'receivers' | 'wake' | 'allowPrivate'>;

/** What all endpoints for receivers and their deliveries have in common. */
export const webhookContract = { tag: webhooksTag, access: manageWebhooks };

export const receiverParams = z.object({ id: receiverIdSchema });

export function requireFound<Found>(id: string, found: Found | undefined | false): Found {
  if (!found) throw new ReceiverNotFoundError(`No receiver has the id ${id}.`);
  return found;
}

const oneReceiver = {
  ...webhookContract,
  params: receiverParams,
  problems: ['webhook-endpoint-not-found', 'database-unavailable'],
} as const;

export function receiverEndpoints({ receivers, wake, allowPrivate }: Dependencies): Endpoint[] {
  return [
    endpoint(
      {
        ...webhookContract,
        method: 'post',
        path: '/webhook-endpoints',
        operationId: 'createWebhookEndpoint',
        summary: 'Register a webhook receiver',
        description:
          'Messages are signed according to Standard Webhooks 1.0; see the webhooks below.',
        body: newReceiverSchema(allowPrivate),
        bodyExample: { url: 'https://example.com/webhooks' },
        responses: {
          201: {
            description: 'The receiver, with its secret, which no later response shows.',
            schema: receiverWithSecretSchema,
            headers: { Location: 'The URL of the receiver.' },
          },
        },
        problems: ['too-many-webhook-endpoints', 'database-unavailable'],
      },
      async ({ body, res }) => {
        const { url, description, event_types: eventTypes, enabled, secret = newSecret() } = body;
        const created = await receivers.insert({ url, description, eventTypes, enabled }, secret);
        if (!created) {
          throw new TooManyReceiversError(
            `At most ${String(MAX_RECEIVERS)} receivers are allowed.`,
          );
        }
        const headers = ['Location', `/webhook-endpoints/${created.id}`];
        sendJson(res, 201, { ...receiverBody(created), secret }, headers);
      },
    ),
    endpoint(
      {
        ...webhookContract,
        method: 'get',
        path: '/webhook-endpoints',
        operationId: 'listWebhookEndpoints',
        summary: 'All receivers, newest first',
        responses: { 200: { description: 'All receivers.', schema: z.array(receiverBodySchema) } },
        problems: ['database-unavailable'],
      },
      async ({ res }) => {
        sendJson(res, 200, (await receivers.list()).map(receiverBody));
      },
    ),
    endpoint(
      {
        ...oneReceiver,
        method: 'get',
        path: '/webhook-endpoints/{id}',
        operationId: 'getWebhookEndpoint',
        summary: 'One receiver',
        responses: { 200: { description: 'The receiver.', schema: receiverBodySchema } },
      },
      async ({ params, res }) => {
        sendJson(res, 200, receiverBody(requireFound(params.id, await receivers.find(params.id))));
      },
    ),
    endpoint(
      {
        ...oneReceiver,
        method: 'patch',
        path: '/webhook-endpoints/{id}',
        operationId: 'changeWebhookEndpoint',
        summary: 'Update a receiver',
        description:
          'A disabled receiver gets no new messages; its pending ones wait until it is enabled again.',
        body: receiverChangesSchema(allowPrivate),
        bodyExample: { description: 'The team that follows up rejected orders' },
        responses: { 200: { description: 'The updated receiver.', schema: receiverBodySchema } },
      },
      async ({ params, body, res }) => {
        const { url, description, event_types: eventTypes, enabled } = body;
        const changes = { url, description, eventTypes, enabled };
        const changed = requireFound(params.id, await receivers.update(params.id, changes));
        wake();
        sendJson(res, 200, receiverBody(changed));
      },
    ),
    endpoint(
      {
        ...oneReceiver,
        method: 'delete',
        path: '/webhook-endpoints/{id}',
        operationId: 'deleteWebhookEndpoint',
        summary: 'Delete a receiver and its deliveries',
        responses: { 204: { description: 'The receiver and its deliveries are deleted.' } },
      },
      async ({ params, res }) => {
        requireFound(params.id, await receivers.remove(params.id));
        sendEmpty(res);
      },
    ),
    endpoint(
      {
        ...oneReceiver,
        method: 'post',
        path: '/webhook-endpoints/{id}/rotate-secret',
        operationId: 'rotateWebhookSecret',
        summary: 'Rotate the secret; the old one stays valid for 24 h',
        responses: {
          200: {
            description: 'The receiver, with its new secret, which no later response shows.',
            schema: receiverWithSecretSchema,
          },
        },
      },
      async ({ params, res }) => {
        const secret = newSecret();
        const rotated = await receivers.rotateSecret(params.id, secret, PREVIOUS_SECRET_MS);
        sendJson(res, 200, { ...receiverBody(requireFound(params.id, rotated)), secret });
      },
    ),
  ];
}
