/**
 * The limit for a checkout: node:http without Express, and writes in batches. What arrives while one batch is being
 * written goes into the next. One failed row ends the process.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { openDatabase } from './database';
import { decide } from './decide';
import { readJson } from './read-json';

const insert = `insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, term_months, traceparent, email, due_at)
  select id, user_id, 'PENDING', now(), offer_id, 'ProviderB', 2.9, 12000, null, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', null, now() + interval '5 s'
  from unnest($1::text[], $2::text[], $3::text[]) as batch (id, user_id, offer_id)`;
const update = `update orders set status = batch.status, decided_at = now(), due_at = null
  from unnest($1::text[], $2::text[]) as batch (id, status)
  where orders.id = batch.id and orders.status = 'PENDING'`;

function createBatches(write: (rows: string[][]) => Promise<unknown>) {
  let waiting: { row: string[]; done: () => void }[] = [];
  let isWriting = false;
  const writeAll = async () => {
    isWriting = true;
    while (waiting.length > 0) {
      // The embedded database blocks this thread, so what has arrived since is still to be read: without this, each
      // batch on it had one row.
      await turn();
      const batch = waiting;
      waiting = [];
      await write(batch.map(({ row }) => row));
      for (const { done } of batch) done();
    }
    isWriting = false;
  };
  return (row: string[]) =>
    new Promise<void>((done) => {
      waiting.push({ row, done });
      if (!isWriting) void writeAll();
    });
}

void openDatabase().then(({ query }) => {
  const writeColumns = (text: string) => (rows: string[][]) =>
    query(
      text,
      rows[0]!.map((_, column) => rows.map((row) => row[column])),
    );
  const store = createBatches(writeColumns(insert));
  const record = createBatches(writeColumns(update));
  const checkout = async (user_id: string, loan_id: string) => {
    const id = `order-${randomUUID()}`;
    await store([id, user_id, loan_id]);
    const status = await decide(id);
    await record([id, status]);
    return JSON.stringify({ id, user_id, loan_id, status, created_at: new Date() });
  };
  createServer((req, res) => {
    readJson(req, ({ user_id, loan_id }) => {
      void checkout(user_id as string, loan_id as string).then((body) => {
        const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
        res.writeHead(201, headers).end(body);
      });
    });
  }).listen(Number(process.env['PORT']), '127.0.0.1');
});
