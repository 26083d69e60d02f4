// Long, because each way in which a server on the internet can misbehave has a test, over real sockets.
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import {
  eventLoopTurns,
  startHttpServer,
  startNameServer,
  startTcpServer,
  until,
  type LocalServer,
} from '../../../kit/testing';
import { createPublicLookup, ForbiddenAddressError, publicOnly } from './public-address';
import { createResolveName } from './resolve-name';
import { createWebClient, type WebClient } from './web-client';

const opened: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

async function serverThat(listener: RequestListener): Promise<LocalServer> {
  const server = await startHttpServer(listener);
  opened.push(server);
  return server;
}

function aClient(overrides: Partial<Parameters<typeof createWebClient>[0]> = {}): WebClient {
  const options = { userAgent: 'test/1', maxResponseBytes: 1000, maxRedirects: 3 };
  const client = createWebClient({ ...options, guard: undefined, ...overrides });
  opened.push(client);
  return client;
}

/** A limit against a hang. */
const inTime = () => AbortSignal.timeout(60_000);
const aPost = (timeoutMs = 60_000) => ({ headers: {}, body: '', timeoutMs, signal: inTime() });

describe('createWebClient', () => {
  it('returns the response, whatever its status, and sends its user agent', async () => {
    const server = await serverThat((req, res) => {
      res.writeHead(418, { 'x-v': '3' }).end(JSON.stringify(req.headers));
    });
    const response = await aClient().get(`${server.url}/a?b=c`, {
      headers: { 'x-v': '5' },
      signal: inTime(),
    });
    expect(response).toMatchObject({ status: 418, headers: { 'x-v': '3' } });
    expect(response.url.href).toBe(`${server.url}/a?b=c`);
    expect(JSON.parse(response.body)).toMatchObject({
      'user-agent': 'test/1',
      accept: 'application/json',
      'x-v': '5',
    });
  });

  it('follows redirects, relative ones too, up to the limit', async () => {
    const server = await serverThat((req, res) => {
      const left = Number(req.url?.slice(1));
      if (left === 0) res.end('there');
      else res.writeHead(302, { location: String(left - 1) }).end();
    });
    const { body, url } = await aClient().get(`${server.url}/3`, { signal: inTime() });
    expect([body, url.pathname]).toEqual(['there', '/0']);
    await expect(aClient().get(`${server.url}/4`, { signal: inTime() })).rejects.toMatchObject({
      code: 'unusable-response',
    });
  });

  it('reads gzip, up to the limit after decompression', async () => {
    const server = await serverThat((req, res) => {
      const bytes = Number(req.url?.slice(1));
      res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(bytes)));
    });
    const { body } = await aClient().get(`${server.url}/1000`, { signal: inTime() });
    expect(body).toHaveLength(1000);
    await expect(
      aClient().get(`${server.url}/1000000`, { signal: inTime() }),
    ).rejects.toMatchObject({ code: 'too-large' });
  });

  it.each(['gzip', 'GZip', 'x-gzip', 'gzip, identity', 'identity,gzip', ', gzip ,'])(
    'reads a body declared as %j',
    async (coding) => {
      const server = await serverThat((_, res) => {
        res.writeHead(200, { 'content-encoding': coding }).end(gzipSync('{}'));
      });
      expect((await aClient().get(server.url, { signal: inTime() })).body).toBe('{}');
    },
  );

  it.each(['Identity', 'IDENTITY, identity', 'none', '', ','])(
    'reads a plain body declared as %j',
    async (coding) => {
      const server = await serverThat((_, res) => {
        res.writeHead(200, { 'content-encoding': coding }).end('{}');
      });
      expect((await aClient().get(server.url, { signal: inTime() })).body).toBe('{}');
    },
  );

  it('reads two lines of Content-Encoding as one list', async () => {
    const server = await serverThat((_, res) => {
      res.setHeader('content-encoding', ['identity', 'GZIP']).end(gzipSync('{}'));
    });
    expect((await aClient().get(server.url, { signal: inTime() })).body).toBe('{}');
  });

  it('needs no body to be compressed if there is none', async () => {
    const server = await serverThat((_, res) => {
      res.writeHead(429, { 'content-encoding': 'gzip' }).end();
    });
    const response = await aClient().get(server.url, { signal: inTime() });
    expect(response).toMatchObject({ status: 429, body: '' });
  });

  it('skips a byte order mark', async () => {
    const server = await serverThat((_, res) => res.end('\uFEFF{}'));
    expect((await aClient().get(server.url, { signal: inTime() })).body).toBe('{}');
  });

  const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
  const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}';
  it.each([
    ['100', [CONTINUE + OK]],
    ['several', [CONTINUE, CONTINUE, 'HTTP/1.1 102 Processing\r\na: b\r\n\r\n', CONTINUE + OK]],
    ['early hints', ['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', OK]],
    ['one byte at a time', Array.from(CONTINUE + CONTINUE + OK)],
  ])('ignores interim responses: %s', async (_, parts) => {
    const server = await startTcpServer((socket) => {
      socket.setNoDelay();
      socket.on('data', () => {
        void (async () => {
          for (const part of parts) {
            socket.write(part);
            await eventLoopTurns(2);
          }
        })();
      });
    });
    opened.push(server);
    const client = aClient();
    for (let i = 0; i < 2; i++) {
      const got = await client.get(server.url, { signal: inTime() });
      expect(got).toMatchObject({ status: 200, body: '{}' });
      expect(await client.post(server.url, aPost())).toMatchObject({ status: 200 });
    }
  });

  it.each([
    ['br', 'x'],
    ['gzip', 'not gzip'],
    ['gzip, gzip', 'x'],
  ])('refuses a body declared as %s that is %s', async (encoding, body) => {
    const server = await serverThat((_, res) => {
      res.writeHead(200, { 'content-encoding': encoding }).end(body);
    });
    await expect(aClient().get(server.url, { signal: inTime() })).rejects.toMatchObject({
      code: 'unusable-response',
    });
  });

  it('stops reading an endless body', async () => {
    const server = await serverThat((_, res) => {
      const more = setInterval(() => res.write('x'.repeat(500)), 1);
      res.on('close', () => {
        clearInterval(more);
      });
    });
    await expect(aClient().get(server.url, { signal: inTime() })).rejects.toMatchObject({
      code: 'too-large',
    });
    await until(() => server.connections() === 0);
  });

  it('ends when the signal aborts, even if a byte comes now and then', async () => {
    const server = await serverThat((_, res) => {
      const more = setInterval(() => res.write(' '), 20);
      res.on('close', () => {
        clearInterval(more);
      });
    });
    await expect(
      aClient().get(server.url, { signal: AbortSignal.timeout(100) }),
    ).rejects.toMatchObject({ code: 'canceled' });
  });

  it('refuses a flood of headers', async () => {
    const server = await startTcpServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const more = setInterval(() => socket.write(`a: ${'x'.repeat(10_000)}\r\n`), 1);
      void once(socket, 'close').then(() => {
        clearInterval(more);
      });
    });
    opened.push(server);
    await expect(aClient().get(server.url, { signal: inTime() })).rejects.toMatchObject({
      code: 'UND_ERR_HEADERS_OVERFLOW',
    });
  });

  it('posts a body and returns status and headers, over kept-alive connections', async () => {
    const seen: unknown[] = [];
    const server = await serverThat((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        seen.push([req.method, req.url, req.headers['x-v'], req.headers['user-agent'], body]);
        res.writeHead(202, { 'retry-after': '7' }).end('ok');
      });
    });
    const client = aClient();
    const post = { headers: { 'x-v': '5' }, body: '{"ä":1}', timeoutMs: 60_000, signal: inTime() };
    for (let i = 0; i < 3; i++) {
      const response = await client.post(`${server.url}/a?b=c`, post);
      expect(response).toMatchObject({ status: 202, headers: { 'retry-after': '7' } });
    }
    expect(seen).toEqual(Array(3).fill(['POST', '/a?b=c', '5', 'test/1', '{"ä":1}']));
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  it('does not follow the redirect of a post', async () => {
    const server = await serverThat((_, res) => res.writeHead(307, { location: '/b' }).end());
    expect(await aClient().post(server.url, aPost())).toMatchObject({ status: 307 });
  });

  it('cuts off a long response to a post, and returns its status', async () => {
    const server = await serverThat((_, res) => {
      const more = setInterval(() => res.write('x'.repeat(500)), 1);
      res.on('close', () => {
        clearInterval(more);
      });
    });
    expect(await aClient().post(server.url, aPost())).toMatchObject({ status: 200 });
    await until(() => server.connections() === 0);
  });

  it('ends a post to a server that hangs on timeout', async () => {
    const server = await serverThat(() => undefined);
    await expect(aClient().post(server.url, aPost(100))).rejects.toMatchObject({ code: 'timeout' });
    await until(() => server.connections() === 0);
  });

  const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  describe.each<[string, string, boolean]>([
    ['is too short', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx', true],
    ['ends within a chunk', `${CHUNKED}9\r\nx`, true],
    ['has no last chunk', `${CHUNKED}1\r\nx\r\n`, true],
    ['has an invalid chunk', `${CHUNKED}zz\r\n`, false],
    ['never ends', `${CHUNKED}1\r\nx\r\n`, false],
  ])('if a body %s', (_, bytes, closes) => {
    async function aServer() {
      const server = await startTcpServer((socket) => {
        socket.on('data', () => {
          if (closes) socket.end(bytes);
          else socket.write(bytes);
        });
      });
      opened.push(server);
      return server;
    }

    it('a post returns the status', async () => {
      const server = await aServer();
      expect(await aClient().post(server.url, aPost(300))).toMatchObject({ status: 200 });
      await until(() => server.connections() === 0);
    });

    it('a get fails', async () => {
      const { url } = await aServer();
      await expect(aClient().get(url, { signal: AbortSignal.timeout(300) })).rejects.toThrow();
    });
  });

  it('a post returns no status if only an interim response came', async () => {
    const server = await startTcpServer((socket) => {
      socket.on('data', () => socket.end('HTTP/1.1 103 Early Hints\r\n\r\n'));
    });
    opened.push(server);
    await expect(aClient().post(server.url, aPost())).rejects.toThrow();
  });

  it('asks its guard before each redirect', async () => {
    const inner = await serverThat((_, res) => res.end('secret'));
    const outer = await serverThat((_, res) => {
      res.writeHead(307, { location: inner.url }).end();
    });
    const guard = {
      ...publicOnly,
      requireAllowed: ({ port }: URL) => {
        if (port !== String(outer.port)) throw new ForbiddenAddressError(port);
      },
    };
    await expect(aClient({ guard }).get(outer.url, { signal: inTime() })).rejects.toMatchObject({
      code: 'forbidden-address',
    });
    expect(inner.connections()).toBe(0);
  });

  it('connects only to public addresses with that guard', async () => {
    const asked = jest.fn();
    const server = await serverThat((_, res) => {
      asked();
      res.end();
    });
    const client = aClient({ guard: publicOnly });
    const secure = server.url.replace('http:', 'https:');
    for (const url of [server.url, secure, secure.replace('127.0.0.1', 'localhost')]) {
      await expect(client.get(url, { signal: inTime() })).rejects.toMatchObject({
        code: 'forbidden-address',
      });
      await expect(client.post(url, aPost())).rejects.toMatchObject({ code: 'forbidden-address' });
    }
    expect(asked).not.toHaveBeenCalled();
    expect(server.connections()).toBe(0);
  });

  it('ends in time if no name server responds', async () => {
    const nameServer = await startNameServer(() => 'timeout');
    opened.push(nameServer);
    const patience = { timeoutMs: 1000, tries: 1 };
    const lookup = createPublicLookup(
      createResolveName({ servers: [nameServer.address], ...patience }),
    );
    const client = aClient({ guard: { ...publicOnly, lookup } });
    const url = 'https://silent.example/';
    await expect(client.post(url, aPost(100))).rejects.toMatchObject({ code: 'timeout' });
    await expect(client.get(url, { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({
      code: 'canceled',
    });
    expect(new Set(nameServer.queries)).toEqual(
      new Set(['A silent.example', 'AAAA silent.example']),
    );
  });

  it('refuses a name with an internal address among its addresses', async () => {
    const nameServer = await startNameServer((_, family) =>
      family === 4 ? ['1.1.1.1', '127.0.0.1'] : [],
    );
    opened.push(nameServer);
    const lookup = createPublicLookup(createResolveName({ servers: [nameServer.address] }));
    const client = aClient({ guard: { ...publicOnly, lookup } });
    const got = client.get('https://rebinding.example/', { signal: inTime() });
    await expect(got).rejects.toMatchObject({ code: 'forbidden-address' });
  });
});
