import { Agent, request } from 'node:http';
import { readJson } from './read-json';

const confirmPayment = new URL('/confirm-payment', process.env['CONFIRM_PAYMENT_URL']);
const agent = new Agent({ keepAlive: true });

/** Asks the second hop for a decision over a keep-alive connection: one call per order. */
export function decide(orderId: string): Promise<string> {
  const body = JSON.stringify({ order_id: orderId, amount: 12_000, status: 'PENDING' });
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
  return new Promise((resolve, reject) => {
    request(confirmPayment, { method: 'POST', agent, headers }, (response) => {
      readJson(response, ({ status }) => {
        resolve(status as string);
      });
    })
      .on('error', reject)
      .end(body);
  });
}
