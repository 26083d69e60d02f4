/** The first hop of the bare pair: parses, asks the second hop over a kept-alive connection, answers 201. */
import { Agent, createServer, request } from 'node:http';
import { readJson } from './read-json';
import { readRecorded } from './recorded';

const { status, headers, body } = readRecorded();
const confirmPayment = new URL('/confirm-payment', process.env['CONFIRM_PAYMENT_URL']);
const agent = new Agent({ keepAlive: true });
const recorded = JSON.parse(body) as Record<string, unknown>;

createServer((req, res) => {
  readJson(req, (checkout) => {
    const payment = JSON.stringify({ order_id: recorded['id'], amount: 12_000, status: 'PENDING' });
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
      (answer) => {
        readJson(answer, (decision) => {
          res.writeHead(status, headers);
          res.end(
            JSON.stringify({
              ...recorded,
              user_id: checkout['user_id'],
              loan_id: checkout['loan_id'],
              status: decision['status'],
            }),
          );
        });
      },
    );
    hop.end(payment);
  });
}).listen(Number(process.env['PORT']), '127.0.0.1');
