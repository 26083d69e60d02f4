import { randomUUID } from 'node:crypto';
import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../db/database';
import { usageKey } from '../db/usage-key';

/** Returns how many rows were erased or now have the pseudonym. */
export type EraseUser = ReturnType<typeof createEraseUser>;

/** The quotas whose usage `createAddUsage` stores by client. */
const QUOTAS = ['reads', 'writes'];

/**
 * Erases a user, in one transaction. Orders and their events stay, for the sums, under a random pseudonym that nothing
 * connects with the user; so do webhook deliveries. Everything else is deleted. Pending orders will still be decided.
 *
 * A checkout that commits after this has read the orders is a new order of the user.
 */
export function createEraseUser({
  withoutStatementTimeout,
}: Pick<Database, 'withoutStatementTimeout'>) {
  return (userId: string) =>
    withoutStatementTimeout((db) =>
      db.transaction().execute(async (trx) => {
        const pseudonym = `erased-${randomUUID()}`;
        const count = async (statement: RawBuilder<unknown>) =>
          Number((await statement.execute(trx)).numAffectedRows);
        const theirs = sql`(select id from orders where user_id = ${pseudonym})`;
        // Keeps the order of the fields, as jsonb would not.
        const data = sql`(
            select json_object_agg(
              key, case key when 'user_id' then to_json(${pseudonym}::text) else value end
              order by ordinality)
            from json_each(data) with ordinality)`;
        const usage = QUOTAS.map((name) => usageKey(`${name} subject ${userId}`));
        // First, so that no event can be added to these orders; sorted, as everywhere, so that nothing deadlocks.
        const orders = await count(sql`
            with theirs as (select id from orders where user_id = ${userId} order by id for update)
            update orders set user_id = ${pseudonym}, email = null, traceparent = null
            from theirs where orders.id = theirs.id`);
        return {
          pseudonym: orders > 0 ? pseudonym : null,
          orders,
          events: await count(sql`
              with due as (
                select seq from order_events where order_id in ${theirs} order by seq for update)
              update order_events set data = ${data}, traceparent = null
              from due where order_events.seq = due.seq`),
          webhookDeliveries: await count(sql`
              update webhook_deliveries set data = ${data} where data ->> 'user_id' = ${userId}`),
          emails: await count(sql`delete from email_jobs where order_id in ${theirs}`),
          idempotencyKeys: await count(sql`
              with due as (
                select user_id, key from idempotency_keys
                where user_id = ${userId} or order_id in ${theirs} order by user_id, key for update)
              delete from idempotency_keys as used using due
              where used.user_id = due.user_id and used.key = due.key`),
          rateLimits: await count(sql`
              delete from rate_limit_usage where key in (${sql.join(usage)})`),
        };
      }),
    );
}
