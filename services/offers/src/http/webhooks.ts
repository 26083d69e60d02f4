import { eventTypes } from '../domain/order-event';
import {
  finalEventTypes,
  orderMessageSchema,
  TEST_TYPE,
  testMessageSchema,
} from '../webhooks/webhook-message';

const delivery = {
  headers: {
    'webhook-id': 'The id of the message; the same in each attempt.',
    'webhook-timestamp': 'When this attempt was sent, in seconds since 1970.',
    'webhook-signature':
      '`v1,` and the HMAC-SHA256 of id, timestamp and body in base64; one for each valid secret, separated by spaces.',
  },
  responses: {
    '2XX': 'The message is delivered.',
    '410': 'The receiver is disabled.',
    '429':
      'The message is retried later, and the receiver is paused: until `Retry-After` if it is given. The same goes for 502, 503, 504 and a timeout.',
    default: 'The message is retried: up to ten attempts in total, over three days.',
  },
};

/** The messages that receivers get, for the OpenAPI document. */
export const webhooks = [
  ...finalEventTypes.map((type) => ({
    ...delivery,
    name: type,
    summary: eventTypes[type].description,
    body: orderMessageSchema(type),
  })),
  { ...delivery, name: TEST_TYPE, summary: 'A test message', body: testMessageSchema },
];
