/** Long, because requests, drain and connection limits need the same server and raw sockets. */
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import timers from 'node:timers/promises';
import { z } from 'zod';
import { eventLoopTurns, letTimePass, recordingLogger, until } from '../../testing';
import { endpoint } from './endpoint';
import { createExpressApp } from './express-app';
import { healthEndpoints } from './health';
import { createLifecycle } from './lifecycle';
import { kitProblems } from '../problem/problem';
import { send, sendJson } from './responses';
import { ListenError, serve, type RunningServer } from './serve';

/** More than the system's buffers hold. */
const LARGE = 'x'.repeat(20_000_000);

const running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function start(
  options: {
    port?: number;
    maxConnections?: number;
    timeouts?: Parameters<typeof serve>[0]['timeouts'];
  } = {},
) {
  const { logger, lines } = recordingLogger();
  const lifecycle = createLifecycle();
  const arrived = { slow: 0, large: 0 };
  let release: () => void = () => undefined;
  const slowGate = new Promise<void>((resolve) => (release = resolve));
  const slow = endpoint(
    {
      method: 'get',
      path: '/slow',
      operationId: 'slow',
      summary: 'Slow',
      access: 'public',
      responses: {},
    },
    async ({ res }) => {
      arrived.slow += 1;
      await slowGate;
      sendJson(res, 200, { slow: true });
    },
  );
  const soon = endpoint(
    {
      method: 'get',
      path: '/soon',
      operationId: 'soon',
      summary: 'Soon',
      access: 'public',
      responses: {},
    },
    async ({ res }) => {
      await Promise.resolve();
      sendJson(res, 200, {});
    },
  );
  const large = endpoint(
    {
      method: 'get',
      path: '/large',
      operationId: 'large',
      summary: 'Large',
      access: 'public',
      responses: {},
    },
    ({ res }) => {
      arrived.large += 1;
      send(res, 200, LARGE, []);
    },
  );
  const echo = endpoint(
    {
      method: 'post',
      path: '/echo',
      operationId: 'echo',
      summary: 'What was sent',
      access: 'public',
      body: z.looseObject({}),
      responses: {},
    },
    ({ res, body }) => {
      sendJson(res, 200, body);
    },
  );
  const app = createExpressApp({
    logger,
    lifecycle,
    problems: kitProblems,
    endpoints: [slow, soon, large, echo, ...healthEndpoints(lifecycle)],
  });
  const server = await serve({
    app,
    lifecycle,
    logger,
    config: {
      HOST: '127.0.0.1',
      PORT: options.port ?? 0,
      SHUTDOWN_DELAY_MS: 0,
      MAX_CONNECTIONS: options.maxConnections ?? 1000,
    },
    ...(options.timeouts && { timeouts: options.timeouts }),
  });
  running.push(server);
  return { ...server, lines, arrived, release };
}

/** Sends bytes on a connection of their own. Returns everything received until it is closed. */
async function sendBytes(port: number, ...parts: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const response = text(socket);
  for (const part of parts) {
    socket.write(part);
    await eventLoopTurns();
  }
  return response;
}

const get1 = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
const post = (length: number) =>
  `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${String(length)}\r\n\r\n`;
const statuses = (responses: string) =>
  [...responses.matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => m[1]);

async function ask(
  port: number,
  path: string,
  agent = new Agent(),
): Promise<IncomingMessage & { body: string }> {
  const req = get({ host: '127.0.0.1', port, path, agent });
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return Object.assign(res, { body: await text(res) });
}

describe('serve', () => {
  it('serves an app on its own prototypes', async () => {
    const { port } = await start();
    const res = await ask(port, '/livez');
    expect([res.statusCode, res.body]).toEqual([200, '{"status":"ok"}']);
  });

  it('refuses a port in use with a one-line message', async () => {
    const { port } = await start();
    const second = start({ port });
    await expect(second).rejects.toThrow(ListenError);
    await expect(second).rejects.toThrow(/^port \d+ on 127\.0\.0\.1 is already in use[^\n]*$/);
  });

  it.each([
    ['GARBAGE\r\n\r\n', 400],
    [`GET /livez HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    [
      'GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n', 400],
  ])('responds to bytes that are not a request with a problem: %#', async (bytes, status) => {
    const { port, lines } = await start();
    const response = await sendBytes(port, bytes);
    expect(response).toMatch(
      new RegExp(`^HTTP/1\\.1 ${String(status)} [\\s\\S]*application/problem\\+json`),
    );
    expect(JSON.parse(response.split('\r\n\r\n')[1]!)).toMatchObject({ status });
    expect(response).toMatch(/X-Request-Id: [0-9a-f-]{36}\r\n/);
    expect(response).toContain('X-Content-Type-Options: nosniff\r\n');
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'request', route: null, status }));
    const audit: unknown = expect.objectContaining({
      address: '127.0.0.1',
      outcome: 'denied',
      status,
    });
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'audit', audit }));
  });

  it.each([
    ['headers', 'GET /livez HTTP/1.1\r\nHost: x\r\nA: '],
    ['a body', `${post(100)}{`],
  ])('times out waiting for %s', async (_, begun) => {
    const { port, lines } = await start({
      timeouts: { headersMs: 100, requestMs: 200, checkMs: 20 },
    });
    const response = await sendBytes(port, begun);
    expect(statuses(response)).toEqual(['408']);
    expect(response).toContain('"code":"request-timeout"');
    const audit: unknown = expect.objectContaining({ outcome: 'denied', status: 408 });
    await until(() => lines.some(({ msg }) => msg === 'audit'));
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'audit', audit }));
  });

  it('ignores an unknown expectation', async () => {
    const { port } = await start();
    const bytes = 'GET /livez HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nConnection: close\r\n\r\n';
    expect(statuses(await sendBytes(port, bytes))).toEqual(['200']);
  });

  it.each([
    ['garbage', 'GARBAGE\r\n\r\n'],
    ['a tunnel', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('first responds to the requests before %s', async (_, bytes) => {
    const { port, arrived, release } = await start();
    const responses = sendBytes(
      port,
      get1('/slow') + get1('/livez') + bytes,
      'more garbage\r\n\r\n',
    );
    await until(() => arrived.slow === 1);
    await eventLoopTurns(200);
    release();
    expect(statuses(await responses)).toEqual(['200', '200', '400']);
  });

  it('keeps the request id in the response to a request with garbage in its body', async () => {
    const { port, lines } = await start();
    const chunked = post(0).replace('Content-Length: 0', 'Transfer-Encoding: chunked');
    const response = await sendBytes(port, `${chunked}2\r\n{}\r\nnonsense\r\n\r\n`);
    expect(statuses(response)).toEqual(['400']);
    const ofRequest = lines.filter(({ msg }) => msg === 'request');
    expect(ofRequest).toEqual([expect.objectContaining({ method: 'POST', status: 400 })]);
    expect(response).toContain(`X-Request-Id: ${String(ofRequest[0]!['requestId'])}`);
  });

  it('responds to a request that turns into garbage while it is handled', async () => {
    const { port } = await start();
    const chunked = get1('/soon').replace('Host: x', 'Host: x\r\nTransfer-Encoding: chunked');
    expect(statuses(await sendBytes(port, `${chunked}ZZ\r\n`))).toEqual(['400']);
  });

  it('refuses a body that is not UTF-8', async () => {
    const { port } = await start();
    const socket = connect(port, '127.0.0.1');
    const head = post(9).replace('Host: x', 'Host: x\r\nConnection: close');
    socket.write(Buffer.concat([Buffer.from(head), Buffer.from('{"a":"\xff"}', 'latin1')]));
    const response = await text(socket);
    expect(statuses(response)).toEqual(['400']);
    expect(response).toContain('malformed-json');
  });

  it('closes the connection of a client that does not read, but not an idle one', async () => {
    const { port, lines } = await start({ timeouts: { readMs: 400 } });
    const idle = await connected(port);
    const unreadClient = connect(port, '127.0.0.1').pause();
    unreadClient.on('error', () => undefined);
    unreadClient.write(get1('/large'));
    await until(() => lines.some(({ route, status }) => route === '/large' && status === null));
    expect((await text(unreadClient)).length).toBeLessThan(LARGE.length);
    idle.socket.write(get1('/livez'));
    await idle.heard('200 OK');
    idle.socket.destroy();
  });

  it('finishes the request in progress, turns unready at once, and closes idle connections', async () => {
    const server = await start();
    const keepAlive = new Agent({ keepAlive: true });
    await ask(server.port, '/livez', keepAlive);
    const inFlight = ask(server.port, '/slow');
    await until(() => server.arrived.slow === 1);
    const endDelay = holdDelay();
    const closed = server.close();
    const ready = await ask(server.port, '/readyz');
    expect([ready.statusCode, ready.body]).toEqual([503, '{"status":"draining"}']);
    endDelay();
    await until(() =>
      ask(server.port, '/livez').then(
        () => false,
        () => true,
      ),
    );
    server.release();
    expect(await inFlight).toMatchObject({ statusCode: 200, headers: { connection: 'close' } });
    await closed;
    await expect(ask(server.port, '/livez')).rejects.toThrow('ECONNREFUSED');
    keepAlive.destroy();
  });

  it.each([
    ['nothing was ever sent', ''],
    ['half a head was sent', 'GET /livez HTTP/1.1\r\nHo'],
    ['half a body was sent', `${post(10)}{`],
    ['the body of a refused request is missing', post(10).replace('/echo', '/livez')],
    ['a request got its response', get1('/livez')],
  ])('closes a connection on which %s', async (_, bytes) => {
    const longMs = 3_600_000;
    const server = await start({ timeouts: { headersMs: longMs, requestMs: longMs } });
    const response = sendBytes(server.port, bytes);
    // Once this has its response, the server has read what was sent before.
    await ask(server.port, '/livez');
    // Without the drain, each connection would outlast this test.
    await server.close();
    await response;
  });

  it('sends large responses completely before it closes', async () => {
    const server = await start();
    const socket = connect(server.port, '127.0.0.1');
    socket.write(get1('/large') + get1('/large'));
    // Both responses are ready then, and wait in the connection's buffer.
    await until(() => server.arrived.large === 2);
    const idle = await connected(server.port);
    const closed = server.close();
    await idle.closed;
    const responses = await text(socket);
    await closed;
    expect(statuses(responses)).toEqual(['200', '200']);
    expect(responses.length).toBeGreaterThan(2 * LARGE.length);
  });

  it('responds to a request that arrives on an idle connection during a drain', async () => {
    const server = await start();
    const keepAlive = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask(server.port, '/livez', keepAlive);
    const endDelay = holdDelay();
    const closed = server.close();
    const late = await ask(server.port, '/livez', keepAlive);
    expect(late).toMatchObject({ statusCode: 200, headers: { connection: 'close' } });
    endDelay();
    await closed;
  });
});

describe('at the limit of connections', () => {
  it('closes the one unused for longest', async () => {
    const { port, arrived, release } = await start({ maxConnections: 4 });
    const used = await connected(port);
    const idle = await connected(port);
    const younger = await connected(port);
    const begun = await connected(port);
    used.socket.write(get1('/livez'));
    await used.heard('200 OK');
    begun.socket.write(get1('/slow'));
    await until(() => arrived.slow === 1);
    // A connection counts as unused after a second without a request. That second is over now.
    letTimePass(1100);
    const next = await connected(port);
    await idle.closed;
    release();
    for (const { socket } of [used, younger, next]) socket.write(get1('/livez'));
    await used.heard('200 OK', 2);
    for (const { heard } of [younger, begun, next]) await heard('200 OK');
    for (const { socket } of [used, younger, begun, next]) socket.destroy();
  });

  it('closes the new one if all are in use', async () => {
    const { port, arrived, release } = await start({ maxConnections: 1 });
    const begun = await connected(port);
    begun.socket.write(get1('/slow'));
    await until(() => arrived.slow === 1);
    // A connection counts as unused after a second without a request. That second is over now.
    letTimePass(1100);
    const next = await connected(port);
    await next.closed;
    release();
    await begun.heard('200 OK');
    begun.socket.destroy();
  });
});

/** Holds the next drain before its listener closes, until the returned function is called. */
function holdDelay(): () => void {
  let end: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (end = resolve));
  jest.spyOn(timers, 'setTimeout').mockImplementationOnce(() => held);
  return () => {
    end();
  };
}

async function connected(port: number) {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  const heard = (what: string, times = 1) => until(() => text.split(what).length > times);
  return { socket, closed, heard };
}
