import type { Webhook } from '@loan-buddy/kit/server';
import type { OrderEventType } from '../domain/order-event';
import {
  finalEventTypes,
  orderMessageSchema,
  TEST_TYPE,
  testMessageSchema,
} from '../webhooks/webhook-message';

const headers = {
  'webhook-id': 'The id of the message; the same on each retry.',
  'webhook-timestamp': 'When it was sent, in seconds since 1970.',
  'webhook-signature':
    '`v1,` and the HMAC-SHA256 of id, timestamp and body in base64; one for each secret that is good, with a space between.',
};

const responses = {
  '2XX': 'It is delivered.',
  '410': 'The endpoint is disabled.',
  '429':
    'It is retried, not before `Retry-After` if that is given, and the endpoint is paused until then. The same goes for 502, 503, 504 and no answer in time.',
  default: 'It is retried later: up to ten attempts in all, over three days.',
};

const summaries: Partial<Record<OrderEventType, string>> = {
  'com.loanbuddy.order.approved': 'An order is approved',
  'com.loanbuddy.order.rejected': 'An order is rejected',
  'com.loanbuddy.order.failed': 'An order has failed: no decision after all attempts',
};

/** The messages that receivers get, for the OpenAPI document. */
export const webhooks: readonly Webhook[] = [
  ...finalEventTypes.map((type) => ({
    name: type,
    summary: summaries[type] ?? type,
    body: orderMessageSchema(type),
    headers,
    responses,
  })),
  {
    name: TEST_TYPE,
    summary: 'A test message',
    body: testMessageSchema,
    headers,
    responses,
  },
];
