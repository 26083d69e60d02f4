import { AppError } from '@loan-buddy/kit/problem';
import { endpoint, replyEmpty, replyJson } from '@loan-buddy/kit/server';
import { z } from 'zod';
import { manageWebhooks } from './access';
import type { Notification } from '../notification';
import { MAX_ENDPOINTS, type WebhookEndpoint } from '../webhooks/receiver-store';
import { newSecret } from '../webhooks/webhook-message';
import {
  endpointBody,
  endpointBodySchema,
  endpointChangesSchema,
  endpointIdSchema,
  endpointWithSecretSchema,
  newEndpointSchema,
} from './receiver-body';
import { webhooksTag } from './tags';

export class EndpointNotFoundError extends AppError {
  readonly code = 'webhook-endpoint-not-found';

  constructor(id: string) {
    super(`There is no endpoint ${id}.`);
  }
}

/** The maximum number of receivers is reached. */
export class TooManyEndpointsError extends AppError {
  readonly code = 'too-many-webhook-endpoints';
}

/** How long the previous secret still signs, so that receivers have time to switch. */
const PREVIOUS_SECRET_MS = 24 * 3_600_000;

type Endpoints = Pick<Notification, 'endpoints'>;
type Woken = Endpoints & Pick<Notification, 'wake' | 'allowPrivate'>;

export const endpointParams = z.object({ id: endpointIdSchema });

/** @throws {EndpointNotFoundError} if there is none. */
export function existing(id: string, found: WebhookEndpoint | undefined): WebhookEndpoint {
  if (!found) throw new EndpointNotFoundError(id);
  return found;
}

export function postWebhookEndpoint({ endpoints, allowPrivate }: Woken) {
  return endpoint(
    {
      method: 'post',
      path: '/webhook-endpoints',
      operationId: 'createWebhookEndpoint',
      tag: webhooksTag,
      summary: 'Create a webhook endpoint',
      access: manageWebhooks,
      description: 'Messages are signed as Standard Webhooks 1.0 has it; see the webhooks below.',
      body: newEndpointSchema(allowPrivate),
      bodyExample: { url: 'https://example.com/webhooks' },
      responses: {
        201: {
          description: 'The endpoint, with its secret, shown only this once.',
          schema: endpointWithSecretSchema,
          headers: { Location: 'Where the endpoint can be read from now on.' },
        },
      },
      problems: ['too-many-webhook-endpoints', 'database-unavailable'],
    },
    async ({ body, res }) => {
      const { url, description, event_types: eventTypes, enabled, secret = newSecret() } = body;
      const made = await endpoints.insert({ url, description, eventTypes, enabled }, secret);
      if (!made) {
        throw new TooManyEndpointsError(`At most ${String(MAX_ENDPOINTS)} endpoints may exist.`);
      }
      const headers = ['Location', `/webhook-endpoints/${made.id}`];
      replyJson(res, 201, { ...endpointBody(made), secret }, headers);
    },
  );
}

export function getWebhookEndpoints({ endpoints }: Endpoints) {
  return endpoint(
    {
      method: 'get',
      path: '/webhook-endpoints',
      operationId: 'listWebhookEndpoints',
      tag: webhooksTag,
      summary: 'All endpoints, newest first',
      access: manageWebhooks,
      responses: { 200: { description: 'All there are.', schema: z.array(endpointBodySchema) } },
      problems: ['database-unavailable'],
    },
    async ({ res }) => {
      replyJson(res, 200, (await endpoints.list()).map(endpointBody));
    },
  );
}

const oneEndpoint = {
  params: endpointParams,
  problems: ['webhook-endpoint-not-found', 'database-unavailable'],
} as const;

export function getWebhookEndpoint({ endpoints }: Endpoints) {
  return endpoint(
    {
      ...oneEndpoint,
      method: 'get',
      path: '/webhook-endpoints/{id}',
      operationId: 'getWebhookEndpoint',
      tag: webhooksTag,
      summary: 'One endpoint',
      access: manageWebhooks,
      responses: { 200: { description: 'The endpoint.', schema: endpointBodySchema } },
    },
    async ({ params, res }) => {
      replyJson(res, 200, endpointBody(existing(params.id, await endpoints.find(params.id))));
    },
  );
}

export function patchWebhookEndpoint({ endpoints, wake, allowPrivate }: Woken) {
  return endpoint(
    {
      ...oneEndpoint,
      method: 'patch',
      path: '/webhook-endpoints/{id}',
      operationId: 'changeWebhookEndpoint',
      tag: webhooksTag,
      summary: 'Update an endpoint',
      access: manageWebhooks,
      description:
        'While an endpoint is disabled no messages are made for it, and those it has wait until it is enabled again.',
      body: endpointChangesSchema(allowPrivate),
      bodyExample: { description: 'The team that follows up rejected orders' },
      responses: { 200: { description: 'As it is now.', schema: endpointBodySchema } },
    },
    async ({ params, body, res }) => {
      const { url, description, event_types: eventTypes, enabled } = body;
      const changes = { url, description, eventTypes, enabled };
      const changed = existing(params.id, await endpoints.update(params.id, changes));
      wake();
      replyJson(res, 200, endpointBody(changed));
    },
  );
}

export function deleteWebhookEndpoint({ endpoints }: Endpoints) {
  return endpoint(
    {
      ...oneEndpoint,
      method: 'delete',
      path: '/webhook-endpoints/{id}',
      operationId: 'deleteWebhookEndpoint',
      tag: webhooksTag,
      summary: 'Delete an endpoint and its deliveries',
      access: manageWebhooks,
      responses: { 204: { description: 'It is gone, and its deliveries are.' } },
    },
    async ({ params, res }) => {
      if (!(await endpoints.remove(params.id))) throw new EndpointNotFoundError(params.id);
      replyEmpty(res);
    },
  );
}

export function postWebhookSecretRotation({ endpoints }: Endpoints) {
  return endpoint(
    {
      ...oneEndpoint,
      method: 'post',
      path: '/webhook-endpoints/{id}/rotate-secret',
      operationId: 'rotateWebhookSecret',
      tag: webhooksTag,
      summary: 'Rotate the secret; for 24 h the old one signs, too',
      access: manageWebhooks,
      responses: {
        200: {
          description: 'The endpoint, with its new secret, shown only this once.',
          schema: endpointWithSecretSchema,
        },
      },
    },
    async ({ params, res }) => {
      const secret = newSecret();
      const rotated = await endpoints.rotateSecret(params.id, secret, PREVIOUS_SECRET_MS);
      replyJson(res, 200, { ...endpointBody(existing(params.id, rotated)), secret });
    },
  );
}
