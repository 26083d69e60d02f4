import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { recordingLogger } from '../testing';
import { endpoint } from './endpoint';
import { createExpressApp } from './express-app';
import { healthEndpoints } from './health';
import { createLifecycle } from './lifecycle';
import { kitProblems } from './problem';
import { replyJson } from './reply';
import { ListenError, serve, type RunningServer } from './serve';

const running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function start(options: { port?: number; shutdownDelayMs?: number } = {}) {
  const { logger, lines } = recordingLogger();
  const lifecycle = createLifecycle();
  const slow = endpoint(
    { method: 'get', path: '/slow', operationId: 'slow', summary: 'Slow', responses: {} },
    async ({ res }) => {
      await sleep(300);
      replyJson(res, 200, { slow: true });
    },
  );
  const app = createExpressApp({
    logger,
    lifecycle,
    problems: kitProblems,
    endpoints: [slow, ...healthEndpoints(lifecycle)],
  });
  const server = await serve({
    app,
    lifecycle,
    logger,
    config: {
      HOST: '127.0.0.1',
      PORT: options.port ?? 0,
      SHUTDOWN_DELAY_MS: options.shutdownDelayMs ?? 0,
    },
  });
  running.push(server);
  return { ...server, lines };
}

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
  it('serves requests that are born with the app as their own', async () => {
    const { port } = await start();
    const res = await ask(port, '/livez');
    expect([res.statusCode, res.body]).toEqual([200, '{"status":"ok"}']);
  });

  it('refuses a port in use with one line', async () => {
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
  ])('answers bytes that are no request with a problem: %#', async (bytes, status) => {
    const { port, lines } = await start();
    const socket = connect(port, '127.0.0.1');
    socket.write(bytes);
    const answer = await text(socket);
    expect(answer).toMatch(
      new RegExp(`^HTTP/1\\.1 ${String(status)} [\\s\\S]*application/problem\\+json`),
    );
    expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toMatchObject({ status });
    expect(answer).toMatch(/X-Request-Id: [0-9a-f-]{36}\r\n/);
    expect(answer).toContain('X-Content-Type-Options: nosniff\r\n');
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'request', route: null, status }));
  });

  it('finishes the request in flight, turns unready at once, and lets go of idle connections', async () => {
    const server = await start({ shutdownDelayMs: 100 });
    const keepAlive = new Agent({ keepAlive: true });
    await ask(server.port, '/livez', keepAlive);
    const inFlight = ask(server.port, '/slow');
    await sleep(50);
    const closed = server.close();
    const ready = await ask(server.port, '/readyz');
    expect([ready.statusCode, ready.body]).toEqual([503, '{"status":"draining"}']);
    expect(await inFlight).toMatchObject({ statusCode: 200, headers: { connection: 'close' } });
    await closed;
    await expect(ask(server.port, '/livez')).rejects.toThrow('ECONNREFUSED');
    keepAlive.destroy();
  });

  it('lets go of a connection on which nothing was ever sent', async () => {
    const server = await start();
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    socket.resume();
    await server.close();
    await closed;
  });

  it('answers a request that arrives on an idle connection while it drains', async () => {
    const server = await start({ shutdownDelayMs: 200 });
    const keepAlive = new Agent({ keepAlive: true, maxSockets: 1 });
    await ask(server.port, '/livez', keepAlive);
    const closed = server.close();
    await sleep(50);
    const late = await ask(server.port, '/livez', keepAlive);
    expect(late).toMatchObject({ statusCode: 200, headers: { connection: 'close' } });
    await closed;
  });
});
