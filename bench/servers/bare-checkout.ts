/**
 * The first hop of a bare checkout: parses, inserts the order, calls the second hop over a keep-alive connection, updates
 * the order, responds 201. Runs the same statements as offers, without validation, retries, logging or timeouts.
 */
import { randomUUID } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';
import { Pool } from 'pg';
import { readJson } from './read-json';
import { readRecorded } from './recorded';

const { status, headers, body } = readRecorded();
const confirmPayment = new URL('/confirm-payment', process.env['CONFIRM_PAYMENT_URL']);
const agent = new Agent({ keepAlive: true });
const pool = new Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });
const recorded = JSON.parse(body) as Record<string, unknown>;

const insert = `insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, term_months, traceparent, email, due_at)
  values ($1, $2, 'PENDING', $3, $4, 'ProviderB', 2.9, 12000, null, $5, null, now() + interval '5 s')`;
const update = `update orders set status = $2, decided_at = now(), due_at = null where id = $1`;

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

createServer((req, res) => {
  readJson(req, (checkout) => {
    const id = `order-${randomUUID()}`;
    const { user_id, loan_id } = checkout;
    void pool.query(insert, [id, user_id, new Date(), loan_id, TRACEPARENT]).then(() => {
      const payment = JSON.stringify({ order_id: id, amount: 12_000, status: 'PENDING' });
      const hop = request(
        confirmPayment,
        {
          method: 'POST',
          agent,
          headers: {
            'Content-Type': 'application/json',
            'Content-Length': Buffer.byteLength(payment),
          },
        },
        (response) => {
          readJson(response, (decision) => {
            void pool.query(update, [id, decision['status']]).then(() => {
              res.writeHead(status, headers);
              res.end(
                JSON.stringify({ ...recorded, id, user_id, loan_id, status: decision['status'] }),
              );
            });
          });
        },
      );
      hop.end(payment);
    });
  });
}).listen(Number(process.env['PORT']), '127.0.0.1');
