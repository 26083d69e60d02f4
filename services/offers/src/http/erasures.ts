import { endpoint, sendJson } from '@loan-buddy/kit/server';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { z } from 'zod';
import { administerOrders } from './access';
import { fromCamelCase } from '../domain/camel-case';
import { idSchema } from '../domain/id';
import type { EraseUser } from '../orders/erase-user';
import { ordersTag } from './tags';

const erasedSchema = z
  .object({
    pseudonym: z.string().nullable().meta({
      description: 'The `user_id` that the orders and events have now; null if there were none.',
      example: 'erased-18580f2f-a41a-4fa3-905c-4a8f7ae97f34',
    }),
    orders: z.int(),
    events: z.int(),
    webhook_deliveries: z.int(),
    emails: z.int(),
    idempotency_keys: z.int(),
    rate_limits: z.int(),
  })
  .meta({ id: 'Erasure', description: 'How many rows were erased or now have the pseudonym.' });

const erasedBody = fromCamelCase(erasedSchema);

export function postErasure({ eraseUser, logger }: { eraseUser: EraseUser; logger: Logger }) {
  return endpoint(
    {
      method: 'post',
      path: '/erasures',
      operationId: 'eraseUser',
      tag: ordersTag,
      summary: 'Erase a user',
      description:
        'Gives the orders, events and webhook deliveries of a user a random pseudonym, and deletes e-mail addresses, e-mails, idempotency keys and rate limits. Pending orders will still be decided, without an e-mail. Cannot be undone; safe to repeat.',
      access: administerOrders,
      // Not in the path, which the logs show.
      body: z.strictObject({ user_id: idSchema }).meta({ id: 'NewErasure' }),
      bodyExample: { user_id: 'a-former-user' },
      responses: { 200: { description: 'What was erased.', schema: erasedSchema } },
      problems: ['database-unavailable'],
    },
    async ({ body, req, res }) => {
      const erased = await eraseUser(body.user_id);
      logger.info({ ...erased, requestId: req.requestId }, 'user erased');
      sendJson(res, 200, erasedBody(erased));
    },
  );
}
