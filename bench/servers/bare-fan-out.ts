/**
 * The minimum that asks the same providers. For each request, a Promise.all over undici makes the same calls as offers,
 * and the server sorts the results. No validation, limits, timeouts, cache or logging. PROVIDER_URLS holds the base URLs.
 */
import { createServer } from 'node:http';
import { request } from 'undici';

const bases = JSON.parse(process.env['PROVIDER_URLS'] ?? '[]') as string[];
const headers = { accept: 'application/json', 'accept-encoding': 'gzip', 'user-agent': 'bare' };

async function get(url: string, version: number): Promise<unknown> {
  const { body } = await request(url, { headers: { ...headers, 'x-v': String(version) } });
  return body.json();
}

async function offersOf(base: string, bank: number) {
  const list = `${base}/cds-au/v1/banking/products`;
  const path = `${list}?product-category=PERS_LOANS&effective=CURRENT&page=1&page-size=1000`;
  const { data } = (await get(path, 5)) as { data: { products: { productId: string }[] } };
  return Promise.all(
    data.products.map(async ({ productId }) => {
      const detail = (await get(`${list}/${productId}`, 7)) as {
        data: { name: string; lendingRates: { rate: string }[] };
      };
      const rate = Number(`${detail.data.lendingRates[0]!.rate}e2`);
      const { name } = detail.data;
      return {
        id: `${String(bank)}:${productId}`,
        provider: String(bank),
        rate,
        amount: 10_000,
        name,
      };
    }),
  );
}

createServer((_req, res) => {
  void Promise.all(bases.map(offersOf)).then((lists) => {
    const body = JSON.stringify(lists.flat().sort((a, b) => a.rate - b.rate));
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    res.end(body);
  });
}).listen(Number(process.env['PORT']), '127.0.0.1');
