import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import {
  isFinalEvent,
  orderEventDataOf,
  orderEventTypes,
  type OrderEventType,
} from '../domain/order-event';

/** Event types that receivers can subscribe to: the final ones. */
export const finalEventTypes = orderEventTypes.filter(isFinalEvent);

/** Type of the message that an operator sends to test a receiver. */
export const TEST_TYPE = 'com.loanbuddy.webhook.test';

export const DELIVERY_ID_PATTERN = /^msg_[0-9a-f]{32}$/;

const PREFIX = 'whsec_';

/** Returns a new signing secret: `whsec_` and 32 random bytes in base64 (Standard Webhooks, "Signature scheme"). */
export function newSecret(): string {
  return PREFIX + randomBytes(32).toString('base64');
}

/** `whsec_` and 24 to 64 bytes in base64. The bits that the last character does not need are 0. */
export const SECRET_PATTERN =
  /^whsec_([A-Za-z0-9+/]{4}){8,20}(([A-Za-z0-9+/]{4})?([A-Za-z0-9+/][AQgw]==)?|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)$/;

export interface WebhookMessage {
  /** Equal in all attempts and for all receivers. */
  id: string;
  type: string;
  time: Date;
  data: object;
}

/** Returns the body: identical bytes for each attempt. */
export function bodyOf({ type, time, data }: WebhookMessage): string {
  return JSON.stringify({ type, timestamp: time.toISOString(), data });
}

/** Returns the headers of one attempt (Standard Webhooks 1.0). */
export function signedHeaders(
  id: string,
  body: string,
  secrets: readonly string[],
  now = new Date(),
): Record<string, string> {
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, now, body)).join(' '),
  };
}

const timestampSchema = z.iso
  .datetime({ precision: 3 })
  .meta({ description: 'When the event happened, not when it was sent.' });

/** The body of a message about an event of this type. */
export function orderMessageSchema(type: OrderEventType) {
  return z.object({
    type: z.literal(type),
    timestamp: timestampSchema,
    data: orderEventDataOf(type),
  });
}

export const testMessageSchema = z.object({
  type: z.literal(TEST_TYPE),
  timestamp: timestampSchema,
  data: z.object({ endpoint_id: z.string() }),
});
