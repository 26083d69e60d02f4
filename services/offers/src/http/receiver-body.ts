import { publicOnly } from '../client/public-address';
import { z } from 'zod';
import { RECEIVER_ID_PATTERN } from '../webhooks/receiver-store';
import { fromCamelCase } from '../domain/camel-case';
import { isPrintable, textSchema } from '../domain/id';
import { finalEventTypes, SECRET_PATTERN } from '../webhooks/webhook-message';

const MAX_URL = 2048;
const MAX_DESCRIPTION = 500;

export const receiverIdSchema = z
  .string()
  .regex(RECEIVER_ID_PATTERN, 'must be the id of a receiver')
  .meta({ example: 'wh-0197f3a5-4c1b-7d3e-9a52-3f8e6b0c1d2e' });

/** A name's addresses may change, so each delivery checks them. */
function isAllowed(url: string, allowPrivate: boolean): boolean {
  if (allowPrivate) return true;
  try {
    publicOnly.requireAllowed(new URL(url));
    return true;
  } catch {
    return false;
  }
}

/** @param allowPrivate whether to allow private addresses and plain HTTP */
function urlSchema(allowPrivate: boolean) {
  return z
    .url({ protocol: /^https?$/, error: 'must be an https:// URL', abort: true })
    .max(MAX_URL)
    .regex(/^[A-Za-z]+:\/\/[^/?#@\\]*(?:[/?][^#]*)?$/, 'must have no user information or fragment')
    .refine(isPrintable, 'must not contain control characters')
    .refine((url) => isAllowed(url, allowPrivate), 'must be https, and a public address')
    .meta({
      format: 'uri',
      pattern: String.raw`^https${allowPrivate ? '?' : ''}://[^/?#@\\]+([/?][^#]*)?$`,
      description: allowPrivate ? 'http or https.' : 'https, at a public address.',
      example: 'https://example.com/webhooks',
    });
}

function settings(allowPrivate: boolean) {
  return {
    url: urlSchema(allowPrivate),
    description: textSchema({ max: MAX_DESCRIPTION })
      .nullable()
      .meta({ description: 'A note for operators.' }),
    event_types: z
      .array(z.enum(finalEventTypes))
      .min(1)
      .nullable()
      .meta({ description: 'The events to send; null for all of these.' }),
    enabled: z.boolean(),
  };
}

export function newReceiverSchema(allowPrivate: boolean) {
  const { url, description, event_types, enabled } = settings(allowPrivate);
  return z
    .strictObject({
      url,
      description: description.default(null),
      event_types: event_types.default(null),
      enabled: enabled.default(true),
      secret: z
        .string()
        .regex(SECRET_PATTERN, 'must be whsec_ and 24 to 64 bytes in base64')
        .optional()
        .meta({ description: 'Generated if missing.' }),
    })
    .meta({ id: 'NewWebhookEndpoint' });
}

export function receiverChangesSchema(allowPrivate: boolean) {
  return z.strictObject(settings(allowPrivate)).partial().meta({ id: 'WebhookEndpointChanges' });
}

export const receiverBodySchema = z
  .object({
    id: receiverIdSchema,
    url: z.string(),
    description: z.string().nullable(),
    event_types: z.array(z.string()).nullable(),
    enabled: z.boolean(),
    disabled_reason: z.string().nullable().meta({
      description: 'Why it was disabled, unless an operator did it.',
    }),
    previous_secret_until: z.iso.datetime().nullable().meta({
      description: 'Until then, messages are also signed with the previous secret.',
    }),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'WebhookEndpoint' });

/** A receiver with a secret that was just created: no other response contains it. */
export const receiverWithSecretSchema = receiverBodySchema
  .extend({ secret: z.string().meta({ description: 'Shown only in this response.' }) })
  .meta({ id: 'WebhookEndpointWithSecret' });

export const receiverBody = fromCamelCase(receiverBodySchema);
