import type { RequestListener } from 'node:http';
import { startHttpServer, startTcpServer, until, type LocalServer } from '../../../kit/testing';
import { createHttpClient, type HttpClient } from './http-client';

const opened: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

/** The timeout for tests that are not about timeouts. */
const AMPLE_MS = 60_000;

function client(server: LocalServer, path = '', timeoutMs = AMPLE_MS): HttpClient['http'] {
  const made = createHttpClient({
    baseUrl: server.url + path,
    timeoutMs,
    maxResponseBytes: 1000,
  });
  opened.push(server, made);
  return made.http;
}

describe('createHttpClient', () => {
  it('sends and reads JSON, over kept-alive connections', async () => {
    const seen: unknown[] = [];
    const server = await startHttpServer((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        seen.push([
          req.method,
          req.url,
          req.headers['content-type'],
          req.headers['x-request-id'],
          body,
        ]);
        res.writeHead(201, { 'X-Answer': 'yes' }).end('{"ok":true}');
      });
    });
    const http = client(server, '/base');
    for (let i = 0; i < 5; i++) {
      const response = await http.request({
        method: 'post',
        url: '/path?q=1',
        headers: { 'X-Request-Id': 'r1' },
        data: { a: 1 },
      });
      expect(response).toMatchObject({
        status: 201,
        data: { ok: true },
        headers: { 'x-answer': 'yes' },
      });
    }
    expect(seen).toEqual(
      Array(5).fill(['POST', '/base/path?q=1', 'application/json', 'r1', '{"a":1}']),
    );
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  it('resolves with a 500 like any status, and without data if the body is not JSON', async () => {
    const http = client(await startHttpServer((_, res) => res.writeHead(500).end('<html>')));
    expect(await http.request({ url: '/' })).toMatchObject({ status: 500, data: undefined });
  });

  it('ignores a 100 that it did not ask for, and a byte order mark', async () => {
    const http = client(
      await startHttpServer((_, res) => {
        res.writeContinue();
        res.end('\uFEFF{"ok":true}');
      }),
    );
    expect(await http.request({ url: '/' })).toMatchObject({ status: 200, data: { ok: true } });
  });

  it('does not follow redirects', async () => {
    const http = client(
      await startHttpServer((_, res) => res.writeHead(302, { Location: '/x' }).end()),
    );
    expect(await http.request({ url: '/' })).toMatchObject({ status: 302 });
  });

  const trickle: RequestListener = (_, res) => {
    res.writeHead(200);
    const drip = setInterval(() => res.write(' '), 20);
    res.on('close', () => {
      clearInterval(drip);
    });
  };
  it.each<[string, RequestListener, string]>([
    ['hangs', () => undefined, 'ETIMEDOUT'],
    ['sends headers and then hangs', (_, res) => void res.writeHead(200).write('{'), 'ETIMEDOUT'],
    ['trickles forever', trickle, 'ETIMEDOUT'],
    ['closes at once', (req) => void req.socket.destroy(), 'ERR_NETWORK'],
    [
      'closes halfway',
      (req, res) => {
        res.writeHead(200, { 'Content-Length': '100' }).write('{"st');
        setImmediate(() => req.socket.destroy());
      },
      'ERR_NETWORK',
    ],
    ['sends too much', (_, res) => void res.end('x'.repeat(1001)), 'ERR_BAD_RESPONSE'],
    [
      'sends forever',
      (_, res) => {
        const pump = setInterval(() => res.write('x'.repeat(500)), 1);
        res.on('close', () => {
          clearInterval(pump);
        });
      },
      'ERR_BAD_RESPONSE',
    ],
  ])('fails against a server that %s, and leaves no connection', async (_, listener, code) => {
    const server = await startHttpServer(listener);
    // The server goes on until the client ends the exchange: by its timeout, or because of the fault.
    const http = client(server, '', code === 'ETIMEDOUT' ? 200 : AMPLE_MS);
    await expect(http.request({ url: '/' })).rejects.toMatchObject({ name: 'AxiosError', code });
    await until(() => server.connections() === 0);
  });

  it('fails against bytes that are not HTTP', async () => {
    const http = client(await startTcpServer((socket) => socket.end('garbage\r\n\r\n')));
    await expect(http.request({ url: '/' })).rejects.toMatchObject({ code: 'ERR_NETWORK' });
  });

  it('fails if no server listens', async () => {
    const server = await startHttpServer(() => undefined);
    await server.close();
    const { http } = createHttpClient({
      baseUrl: server.url,
      timeoutMs: AMPLE_MS,
      maxResponseBytes: 10,
    });
    await expect(http.request({ url: '/' })).rejects.toMatchObject({ code: 'ERR_NETWORK' });
  });

  it('ends when the caller aborts, before or during the exchange', async () => {
    const server = await startHttpServer(() => undefined);
    const http = client(server);
    await expect(http.request({ url: '/', signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_CANCELED',
    });
    const caller = new AbortController();
    const waiting = http.request({ url: '/', signal: caller.signal });
    await until(() => server.connections() > 0);
    caller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_CANCELED' });
    await until(() => server.connections() === 0);
  });

  it('stays usable after failures', async () => {
    let calls = 0;
    const http = client(
      await startHttpServer((req, res) => {
        if (++calls < 3) req.socket.destroy();
        else res.end('{}');
      }),
    );
    for (let i = 0; i < 2; i++)
      await expect(http.request({ method: 'post', url: '/' })).rejects.toThrow();
    expect(await http.request({ method: 'post', url: '/' })).toMatchObject({ status: 200 });
  });
});
