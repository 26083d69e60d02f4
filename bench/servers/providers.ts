/**
 * Simulated banks in one process, each with one loan. BANKS holds their ports and delays; a delay of -1 never responds.
 * PORT is open once all banks are. With CHANGING=true, each page differs from the one before.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';

const changing = process.env['CHANGING'] === 'true';
const banks = JSON.parse(process.env['BANKS'] ?? '[]') as { port: number; delayMs: number }[];
const product = { productId: 'loan', productCategory: 'PERS_LOANS', name: 'Personal Loan' };

const listening = banks.map(({ port, delayMs }, bank) => {
  const lendingRates = [{ lendingRateType: 'VARIABLE', rate: `0.0${String(100 + bank)}` }];
  const list = pages({ data: { products: [product] }, links: {} });
  const detail = pages({ data: { ...product, lendingRates }, links: {} });
  const server = createServer((req, res) => {
    if (req.url!.endsWith('/loan')) respond(res, detail());
    // Only the list is delayed.
    else if (delayMs === 0) respond(res, list());
    else if (delayMs > 0) setTimeout(respond, delayMs, res, list());
  });
  return once(server.listen(port, '127.0.0.1'), 'listening');
});
void Promise.all(listening).then(() =>
  createServer().listen(Number(process.env['PORT']), '127.0.0.1'),
);

function pages(page: object): () => string {
  const text = JSON.stringify({ ...page, meta: { page: 1_000_000 } });
  let count = 1_000_000;
  return changing ? () => text.replace('1000000', String(++count)) : () => text;
}

function respond(res: ServerResponse, body: string): void {
  const headers = { 'x-v': '5', 'content-type': 'application/json', 'content-length': body.length };
  res.writeHead(200, headers);
  res.end(body);
}
