/**
 * Simulated banks in one process, each with one loan, on consecutive ports from PORT. PROVIDER_DELAYS_MS holds their
 * delays; -1 never responds. With CHANGING=true, each page differs from the one before.
 */
import { createServer, type ServerResponse } from 'node:http';

const changing = process.env['CHANGING'] === 'true';
const delays = JSON.parse(process.env['PROVIDER_DELAYS_MS'] ?? '[]') as number[];
const product = { productId: 'loan', productCategory: 'PERS_LOANS', name: 'Personal Loan' };

delays.forEach((delay, bank) => {
  const lendingRates = [{ lendingRateType: 'VARIABLE', rate: `0.0${String(100 + bank)}` }];
  const list = pages({ data: { products: [product] }, links: {} });
  const detail = pages({ data: { ...product, lendingRates }, links: {} });
  createServer((req, res) => {
    if (req.url!.endsWith('/loan')) respond(res, detail());
    // Only the list is delayed.
    else if (delay === 0) respond(res, list());
    else if (delay > 0) setTimeout(respond, delay, res, list());
  }).listen(Number(process.env['PORT']) + bank, '127.0.0.1');
});

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
