import { statementSummary } from './statements';

describe('statementSummary', () => {
  it.each([
    ['\n  insert into orders (id, status) values ($1, $2) returning id', 'INSERT orders'],
    [
      `with item as materialized (select * from json_to_recordset($1::json) as item (id text)),
       claimed as (insert into idempotency_keys as used (key) select key from item
         on conflict (key) do update set key = excluded.key returning order_id)
       insert into orders (id) select id from item`,
      'INSERT orders',
    ],
    [
      `insert into rate_limit_usage (key) values ($1)
       on conflict (key) do update set count = 1`,
      'INSERT rate_limit_usage',
    ],
    [
      `with due as materialized (select id from "orders" as job limit 1 for update skip locked)
       update "orders" as job set "due_at" = $1 from due where job.id = due.id`,
      'UPDATE orders',
    ],
    [
      `with made as (select id from orders for no key update of orders skip locked)
       update email_jobs set status = 'sent'`,
      'UPDATE email_jobs',
    ],
    ['delete from "idempotency_keys" where expires_at <= now()', 'DELETE idempotency_keys'],
    ['select * from "order_events" where "order_id" = $1', 'SELECT order_events'],
    ['select id from orders where id = $1 for update', 'SELECT orders'],
    ['select 1', 'SELECT'],
    ['begin isolation level read committed', 'BEGIN'],
    ['commit', 'COMMIT'],
    ['', 'statement'],
  ])('of %j is %s', (text, summary) => {
    expect(statementSummary(text)).toBe(summary);
  });
});
