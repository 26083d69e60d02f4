/**
 * The first hop of a bare checkout with Express: inserts the order, calls the second hop over a keep-alive connection,
 * updates the order, responds 201. Two statements per order, without validation, retries, logging or timeouts.
 */
import { randomUUID } from 'node:crypto';
import express from 'express';
import { decide } from './decide';
import { openDatabase } from './database';

const insert = `insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, term_months, traceparent, email, due_at)
  values ($1, $2, 'PENDING', $3, $4, 'ProviderB', 2.9, 12000, null, $5, null, now() + interval '5 s')`;
const update = `update orders set status = $2, decided_at = now(), due_at = null where id = $1 and status = 'PENDING'`;
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

void openDatabase().then(({ query }) => {
  const app = express();
  app.use(express.json());
  app.post('/checkout', async (req, res) => {
    const { user_id, loan_id } = req.body as { user_id: string; loan_id: string };
    const id = `order-${randomUUID()}`;
    const createdAt = new Date();
    await query(insert, [id, user_id, createdAt, loan_id, TRACEPARENT]);
    const status = await decide(id);
    await query(update, [id, status]);
    res.status(201).json({ id, user_id, loan_id, status, created_at: createdAt });
  });
  app.listen(Number(process.env['PORT']), '127.0.0.1');
});
