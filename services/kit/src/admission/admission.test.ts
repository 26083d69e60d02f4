/** Long, because all of these tests need the same app: one endpoint for each kind of access. */
import { get } from 'node:http';
import { connect } from 'node:net';
import request from 'supertest';
import { z } from 'zod';
import { eventLoopTurns, recordingLogger, startApp, until } from '../../testing';
import { endpoint } from '../server/endpoint';
import { createExpressApp } from '../server/express-app';
import { createLifecycle } from '../server/lifecycle';
import { kitProblems } from '../problem/problem';
import { sendEmpty, sendJson } from '../server/responses';
import { createAdmission, releaseSlot } from './admission';
import type { RateLimiter } from './quota';
import { InvalidTokenError } from './bearer-token';
import { principalOf, type Principal } from './principal';

const use = { scope: 'things:use' };

/** An app whose requests wait at `/wait` until `release` is called. */
function setUp(options: Parameters<typeof createAdmission>[0] = {}, trustedProxies = 0) {
  const { logger, lines } = recordingLogger();
  const waiting: (() => void)[] = [];
  const hold = () => new Promise<void>((resolve) => waiting.push(resolve));
  const read = (path: string, handle: (res: Parameters<typeof sendEmpty>[0]) => unknown) =>
    endpoint(
      { method: 'get', path, operationId: path, summary: path, access: use, responses: {} },
      async ({ res }) => {
        await handle(res);
        sendEmpty(res);
      },
    );
  const app = createExpressApp({
    logger,
    lifecycle: createLifecycle(),
    problems: kitProblems,
    admission: createAdmission(options),
    trustedProxies,
    endpoints: [
      read('/thing', () => undefined),
      read('/wait', hold),
      read('/failing', () => Promise.reject(new Error('failing'))),
      read('/aside', (res) => {
        releaseSlot(res.req);
        return hold();
      }),
      endpoint(
        {
          method: 'post',
          path: '/thing',
          operationId: 'post',
          summary: 'Change it',
          access: use,
          body: z.looseObject({}),
          responses: {},
        },
        ({ res, body }) => {
          sendJson(res, 200, body);
        },
      ),
      endpoint(
        {
          method: 'get',
          path: '/page',
          operationId: 'page',
          summary: 'Page',
          access: 'public',
          responses: {},
        },
        ({ res }) => {
          sendEmpty(res);
        },
      ),
      endpoint(
        {
          method: 'get',
          path: '/probe',
          operationId: 'probe',
          summary: 'Probe',
          access: 'always',
          responses: {},
        },
        ({ res }) => {
          sendEmpty(res);
        },
      ),
    ],
  });
  const release = () => {
    for (const each of waiting.splice(0)) each();
  };
  return { app, lines, waiting, release };
}

describe('at the limit of concurrent requests', () => {
  it('sheds the next request, but no probe, and accepts more once one has finished', async () => {
    const { app, waiting, release, lines } = setUp({ maxConcurrent: 0.5 });
    const held = [request(app).get('/wait'), request(app).get('/wait')].map((each) =>
      each.expect(204).then(() => undefined),
    );
    await until(() => waiting.length >= 2);
    for (const response of [
      await request(app).get('/thing'),
      await request(app).get('/page'),
      await request(app).post('/thing').send({}),
    ]) {
      expect([response.status, response.headers['retry-after']]).toEqual([503, '1']);
      expect(response.body).toMatchObject({ code: 'overloaded' });
    }
    await request(app).get('/probe').expect(204);
    release();
    await Promise.all(held);
    await request(app).get('/thing').expect(204);
    expect(lines).toContainEqual(
      expect.objectContaining({ audit: expect.objectContaining({ outcome: 'denied' }) as unknown }),
    );
  });

  it('does not count a request that only waits', async () => {
    const { app, waiting, release } = setUp({ maxConcurrent: 0.25 });
    const aside = request(app)
      .get('/aside')
      .expect(204)
      .then(() => undefined);
    await until(() => waiting.length >= 1);
    await request(app).get('/thing').expect(204);
    release();
    await aside;
  });

  it.each([
    ['was refused without a token', 401, '/thing', undefined, undefined],
    ['was refused for a missing scope', 403, '/thing', 'reader', undefined],
    ['was refused for its body', 400, '/thing', 'user', []],
    ['failed', 500, '/failing', 'user', undefined],
  ])('does not count a request that %s', async (_, status, path, token, body) => {
    const { app } = setUp({
      maxConcurrent: 1,
      verifyToken: (name) => principalOf(name, name === 'user' ? [use.scope] : []),
    });
    const as = (name: string | undefined) => (name ? { Authorization: `Bearer ${name}` } : {});
    const send = () => (body ? request(app).post(path).send(body) : request(app).get(path));
    // If this request kept its slot, the next one would be shed.
    await send().set(as(token)).expect(status);
    await request(app).post('/thing').set(as('user')).send({}).expect(200);
  });

  it('keeps the slot of a disconnected client until its handler ends', async () => {
    const { app, waiting, release, lines } = setUp({ maxConcurrent: 0.25 });
    const server = await startApp(app);
    const left = get(`${server.url}/wait`).on('error', () => undefined);
    await until(() => waiting.length >= 1);
    left.destroy();
    await until(() => lines.some(({ msg }) => msg === 'request aborted'));
    await request(app).get('/thing').expect(503);
    release();
    await until(async () => (await request(app).get('/thing')).status === 204);
    await server.close();
  });

  it('does not count a request that waits for token keys', async () => {
    const verifying: string[] = [];
    const { app } = setUp({
      maxConcurrent: 0.25,
      verifyToken: (token, onWait) => {
        if (token === 'known') return principalOf('a', [use.scope]);
        verifying.push(token);
        onWait?.();
        return new Promise(() => undefined);
      },
    });
    const server = await startApp(app);
    const headers = { Authorization: 'Bearer unknown' };
    const waiting = get(`${server.url}/thing`, { headers }).on('error', () => undefined);
    await until(() => verifying.length >= 1);
    await request(app).get('/thing').set('Authorization', 'Bearer known').expect(204);
    waiting.destroy();
    await server.close();
  });

  it('counts a request that waits for its token to be verified', async () => {
    let letIn: (principal: Principal) => void = () => undefined;
    const verifying: string[] = [];
    const { app } = setUp({
      maxConcurrent: 0.5,
      verifyToken: (token) => {
        verifying.push(token);
        return new Promise((resolve) => (letIn = resolve));
      },
    });
    const ask = () => request(app).get('/thing').set('Authorization', 'Bearer slow');
    const held = ask()
      .expect(204)
      .then(() => undefined);
    await until(() => verifying.length >= 1);
    const first = letIn;
    const other = ask()
      .expect(204)
      .then(() => undefined);
    await until(() => verifying.length >= 2);
    await ask().expect(503);
    for (const each of [first, letIn]) each(principalOf('a', [use.scope]));
    await Promise.all([held, other]);
  });

  it('does not count a client that left before it was admitted', async () => {
    let letIn: (principal: Principal) => void = () => undefined;
    const verifying: string[] = [];
    const { app } = setUp({
      maxConcurrent: 0.25,
      verifyToken: (token) => {
        if (token === 'quick') return principalOf('a', [use.scope]);
        verifying.push(token);
        return new Promise((resolve) => (letIn = resolve));
      },
    });
    const server = await startApp(app);
    const headers = { Authorization: 'Bearer slow' };
    const left = get(`${server.url}/thing`, { headers }).on('error', () => undefined);
    await until(() => verifying.length >= 1);
    left.destroy();
    await until(() => server.connections() === 0);
    letIn(principalOf('a', [use.scope]));
    await eventLoopTurns();
    await request(app).get('/thing').set('Authorization', 'Bearer quick').expect(204);
    await server.close();
  });

  it('does not count a client that left with responses queued behind another', async () => {
    const { app, waiting, release, lines } = setUp({ maxConcurrent: 1 });
    const server = await startApp(app);
    const socket = connect(server.port, '127.0.0.1');
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    socket.write(ask('/wait').repeat(4));
    await until(() => waiting.length >= 4);
    await request(app).get('/thing').expect(503);
    socket.destroy();
    await until(() => lines.filter(({ msg }) => msg === 'request aborted').length === 4);
    release();
    await until(async () => (await request(app).get('/thing')).status === 204);
    expect(lines.filter(({ msg }) => msg === 'request aborted')).toHaveLength(4);
    await server.close();
  });

  it('does not count a response that waits for another to be read', async () => {
    const { app, waiting, release } = setUp({ maxConcurrent: 0.5 });
    const server = await startApp(app);
    const socket = connect(server.port, '127.0.0.1');
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    socket.write(ask('/wait') + ask('/thing').repeat(5));
    await until(() => waiting.length >= 1);
    await eventLoopTurns();
    await request(app).get('/thing').expect(204);
    release();
    socket.destroy();
    await server.close();
  });

  it('does not count a request that is still arriving', async () => {
    const { app } = setUp({ maxConcurrent: 1 });
    const slow = request(app).post('/thing').set('Content-Type', 'application/json');
    slow.write('{');
    await eventLoopTurns();
    await request(app).get('/thing').expect(204);
    slow.write('}');
    await slow.expect(200);
  });
});

describe('a quota', () => {
  const quota = { windowS: 60, exact: false };
  /** Counts in one window that has 20 seconds left. */
  const limiter = (limit: number): RateLimiter => {
    const used = new Map<string, number>();
    return {
      quotas: {
        reads: { ...quota, name: 'reads', limit },
        writes: { ...quota, name: 'writes', limit: 1, exact: true },
      },
      take: (of, client) => {
        const count = (used.get(`${of.name} ${client}`) ?? 0) + 1;
        used.set(`${of.name} ${client}`, count);
        const remaining = Math.max(0, of.limit - count);
        return { quota: of, isExceeded: count > of.limit, remaining, resetS: 20 };
      },
      close: () => Promise.resolve(),
    };
  };
  const verifyToken = (token: string) => {
    if (token.startsWith('bad')) throw new InvalidTokenError('bad');
    return principalOf(token, [use.scope]);
  };
  const as = (token: string) => ({ Authorization: `Bearer ${token}` });

  it('is reported in the headers of each response, and responds with 429 once used up', async () => {
    const { app, lines } = setUp({ limiter: limiter(2) });
    const first = await request(app).get('/thing').expect(204);
    expect(first.headers).toMatchObject({
      'ratelimit-policy': '"reads";q=2;w=60',
      ratelimit: '"reads";r=1;t=20',
    });
    await request(app).get('/thing').expect('RateLimit', '"reads";r=0;t=20');
    const third = await request(app).get('/thing');
    expect(third.status).toBe(429);
    expect(third.headers).toMatchObject({
      'retry-after': '20',
      'ratelimit-policy': '"reads";q=2;w=60',
      ratelimit: '"reads";r=0;t=20',
    });
    expect(third.body).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Too many requests',
      status: 429,
      detail: 'The quota is 2 reads per 60 s.',
      instance: '/thing',
      code: 'quota-exceeded',
      'violated-policies': ['reads'],
    });
    // Writes have their own quota; probes have none.
    await request(app).post('/thing').send({}).expect(200);
    await request(app).post('/thing').send({}).expect(429);
    const probe = await request(app).get('/probe').expect(204);
    expect(probe.headers).not.toHaveProperty('ratelimit');
    expect(lines).toContainEqual(
      expect.objectContaining({
        audit: expect.objectContaining({ status: 429, code: 'quota-exceeded' }) as unknown,
      }),
    );
  });

  it('counts by subject, whatever the address', async () => {
    const { app } = setUp({ limiter: limiter(1), verifyToken }, 1);
    const from = (address: string, token: string) =>
      request(app)
        .get('/thing')
        .set({ ...as(token), 'X-Forwarded-For': address });
    await from('203.0.113.1', 'a').expect(204);
    await from('203.0.113.2', 'a').expect(429);
    await from('203.0.113.1', 'b').expect(204);
  });

  it('counts by address without a valid token', async () => {
    const { app } = setUp({ limiter: limiter(2), verifyToken });
    await request(app).get('/thing').set(as('bad-1')).expect(401);
    await request(app).post('/thing').set(as('bad-2')).send({}).expect(401);
    await request(app).get('/thing').set(as('bad-3')).expect(429);
    // A valid token from the same address is unaffected.
    await request(app).get('/thing').set(as('good')).expect(204);
  });

  it('counts by address on public endpoints, whatever the token', async () => {
    const { app } = setUp({ limiter: limiter(1), verifyToken });
    await request(app).get('/page').set(as('good')).expect(204);
    await request(app).get('/page').expect(429);
    await request(app).get('/probe').expect(204);
  });

  it.each([
    ['no proxy in front', 0, ['1.1.1.1', '2.2.2.2'], false],
    ['a proxy in front', 1, ['1.1.1.1', '2.2.2.2'], true],
    ['a made-up address before the one a proxy adds', 1, ['x, 3.3.3.3', 'y, 3.3.3.3'], false],
    ['two proxies in front', 2, ['1.1.1.1, 9.9.9.9', '2.2.2.2, 9.9.9.9'], true],
    ['one IPv6 network', 1, ['2001:db8:1:2::1', '2001:db8:1:2:ffff::1'], false],
    ['two IPv6 networks', 1, ['2001:db8:1:2::1', '2001:db8:1:3::1'], true],
    ['IPv4 mapped into IPv6', 1, ['::ffff:1.1.1.1', '1.1.1.1'], false],
    ['a port after an address', 1, ['1.1.1.1:1234', '1.1.1.1'], false],
    ['ports after two addresses', 1, ['1.1.1.1:1234', '2.2.2.2:1234'], true],
    ['a port after IPv6', 1, ['[2001:db8:1:2::1]:1234', '2001:db8:1:2::1'], false],
    [
      'ports after two IPv6 addresses',
      1,
      ['[2001:db8:1:2::1]:1234', '[2001:db8:1:3::1]:1234'],
      true,
    ],
    ['nonsense', 1, ['garbage', 'rubbish'], true],
  ])('tells addresses apart: %s', async (_, proxies, [one, other], areTwo) => {
    const { app } = setUp({ limiter: limiter(1) }, proxies);
    const from = (address: string) => request(app).get('/thing').set('X-Forwarded-For', address);
    await from(one!).expect(204);
    await from(other!).expect(areTwo ? 204 : 429);
  });
});
