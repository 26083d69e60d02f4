import type { RequestListener } from 'node:http';
import { createHttpClient } from '../client/http-client';
import { startHttpServer } from '@loan-buddy/kit/testing';
import { anOrder } from '../../test/builders';
import { createPaymentClient, UndecidedError } from './payment-client';

const opened: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function setUp(listener: RequestListener, timeoutMs = 60_000) {
  const server = await startHttpServer(listener);
  const client = createHttpClient({ baseUrl: server.url, timeoutMs, maxResponseBytes: 1000 });
  opened.push(server, client);
  return () => createPaymentClient(client)(anOrder({ id: 'order-7' }), { requestId: 'r-7' });
}

describe('createPaymentClient', () => {
  it('sends the order in confirm-payment’s format, with the request id', async () => {
    let seen: unknown;
    const ask = await setUp((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        seen = { url: req.url, id: req.headers['x-request-id'], body };
        res.end('{"status":"REJECTED","more":1}');
      });
    });
    expect(await ask()).toBe('REJECTED');
    expect(seen).toEqual({
      url: '/confirm-payment',
      id: 'r-7',
      body: '{"order_id":"order-7","amount":12000,"status":"PENDING"}',
    });
  });

  it.each<[string, RequestListener]>([
    ['no response', () => undefined],
    ['a closed connection', (req) => void req.socket.destroy()],
    ['a 500', (_, res) => void res.writeHead(500).end('{"status":"APPROVED"}')],
    ['a 400', (_, res) => void res.writeHead(400).end('{"status":"REJECTED"}')],
    ['a 204', (_, res) => void res.writeHead(204).end()],
    ['a redirect', (_, res) => void res.writeHead(302, { Location: '/x' }).end()],
    ['another word', (_, res) => void res.end('{"status":"MAYBE"}')],
    ['a word in lower case', (_, res) => void res.end('{"status":"approved"}')],
    ['the status it was sent', (_, res) => void res.end('{"status":"PENDING"}')],
    ['a list', (_, res) => void res.end('["APPROVED"]')],
    ['garbage', (_, res) => void res.end('<html>APPROVED</html>')],
    ['nothing', (_, res) => void res.end()],
    ['half a response', (_, res) => void res.end('{"status":"APPROVED"')],
  ])('throws UndecidedError for %s', async (what, listener) => {
    const ask = await setUp(listener, what === 'no response' ? 50 : undefined);
    await expect(ask()).rejects.toThrow(UndecidedError);
  });
});
