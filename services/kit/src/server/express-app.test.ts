/** Long, because endpoints and the app are tested through the same two endpoints. */
import { get } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { z } from 'zod';
import { recordingLogger, startApp, until } from '../../testing';
import { endpoint } from './endpoint';
import { createExpressApp } from './express-app';
import { createLifecycle } from './lifecycle';
import { AppError } from '../problem/app-error';
import { kitProblems, type Problem } from '../problem/problem';
import { sendJson } from './responses';

class TeapotError extends AppError {
  readonly code = 'teapot';
}

class DownError extends AppError {
  readonly code = 'down';
}

const problems = {
  ...kitProblems,
  teapot: { status: 418, title: 'A teapot' },
  down: { status: 503, title: 'Down', detail: 'Come back later.' },
};

function setUp() {
  const { logger, lines } = recordingLogger();
  const lifecycle = createLifecycle();
  const hanging: unknown[] = [];
  const echo = endpoint(
    {
      method: 'post',
      path: '/echo/{id}',
      operationId: 'echo',
      summary: 'Echo',
      access: 'public',
      params: z.object({ id: z.string().max(3) }),
      query: z.object({ n: z.string().regex(/^\d+$/).optional() }),
      body: z.object({ 'a/b~c': z.object({ list: z.array(z.int()) }) }),
      responses: { 200: { description: 'The input.' } },
    },
    ({ params, query, body, res }) => {
      sendJson(res, 200, { params, query, body });
    },
  );
  const thrower = endpoint(
    {
      method: 'get',
      path: '/throw/{what}',
      operationId: 'throw',
      summary: 'Throw',
      access: 'public',
      params: z.object({ what: z.string() }),
      responses: {},
    },
    ({ params, res }) => {
      if (params.what === 'hang') {
        return new Promise((resolve) => hanging.push(resolve));
      }
      if (params.what === 'half') res.writeHead(200, { 'Content-Length': '100' }).write('half');
      if (params.what === 'teapot') {
        throw new TeapotError('Short and stout.', { members: { handle: 'here' } });
      }
      if (params.what === 'down') throw new DownError('db at 10.0.0.1', { retryAfterSeconds: 7 });
      return Promise.reject(new Error('a secret'));
    },
  );
  const app = createExpressApp({ logger, lifecycle, problems, endpoints: [echo, thrower] });
  return { app, hanging, lines, lifecycle };
}

const valid = { 'a/b~c': { list: [1] } };

/** Sends bytes that a client library would encode or refuse. */
async function rawRequest(port: number, start: string, body = '') {
  const socket = connect(port, '127.0.0.1');
  const fields = [
    ...[`${start} HTTP/1.1`, 'Host: x', 'Connection: close', 'Content-Type: application/json'],
    ...[`Content-Length: ${String(body.length)}`, '', body],
  ];
  socket.write(fields.join('\r\n'), 'latin1');
  const response = await text(socket);
  return { status: Number(response.slice(9, 12)), text: response };
}

describe('endpoint', () => {
  it('passes parsed parameters, query and body to the handler', async () => {
    const response = await request(setUp().app).post('/echo/x?n=1').send(valid).expect(200);
    expect(response.body).toEqual({ params: { id: 'x' }, query: { n: '1' }, body: valid });
  });

  it.each(['gzip', 'GZip', 'x-gzip', 'identity, gzip', 'gzip,'])(
    'reads a body in the coding %s',
    async (coding) => {
      const body = gzipSync(JSON.stringify(valid));
      await request(setUp().app)
        .post('/echo/x')
        .set({ 'Content-Type': 'application/json', 'Content-Encoding': coding })
        .serialize((data) => data as string)
        .send(body)
        .expect(200);
    },
  );

  it('points at each fault in the body', async () => {
    const response = await request(setUp().app)
      .post('/echo/x')
      .send({ 'a/b~c': { list: [1, 'two'] } })
      .expect(400)
      .expect('Content-Type', 'application/problem+json');
    expect(response.body).toMatchObject({
      code: 'validation-failed',
      status: 400,
      instance: '/echo/x',
      errors: [
        { pointer: '#/a~1b~0c/list/1', detail: expect.stringContaining('number') as string },
      ],
    });
  });

  it.each(['/echo/long', '/echo/x?n=y', '/echo/x?n=1&n=2'])(
    'names the parameter at fault: %s',
    async (path) => {
      const { body } = await request(setUp().app).post(path).send(valid).expect(400);
      expect((body as Problem).errors).toEqual([
        { parameter: path.includes('?') ? 'n' : 'id', detail: expect.any(String) as string },
      ]);
    },
  );
});

describe('createExpressApp', () => {
  it.each([
    ['broken JSON', 'application/json', '{"a":', 400, 'malformed-json'],
    ['a bare string', 'application/json', '"text"', 400, 'malformed-json'],
    ['empty', 'application/json', '', 400, 'validation-failed'],
    ['of another type', 'text/plain', '{}', 415, 'unsupported-media-type'],
    ['of another type with json in it', 'application/jsonp', '{}', 415, 'unsupported-media-type'],
    ['too large', 'application/json', `{"a":"${'x'.repeat(102_400)}"}`, 413, 'body-too-large'],
  ])('responds to a body that is %s with a problem', async (_, type, body, status, code) => {
    const response = await request(setUp().app)
      .post('/echo/x')
      .set('Content-Type', type)
      .send(body);
    expect(response.headers['content-type']).toBe('application/problem+json');
    expect(response.body).toMatchObject({ status, code });
    expect(response.status).toBe(status);
  });

  it.each(['utf-8', 'UTF-8', '"utf-8"', 'UTF8', 'us-ascii'])(
    'reads a body whose charset is %s',
    async (charset) => {
      const response = await request(setUp().app)
        .post('/echo/x')
        .set('Content-Type', `application/json; charset=${charset}`)
        .send(JSON.stringify(valid))
        .expect(200);
      expect(response.body).toMatchObject({ body: valid });
    },
  );

  it.each(['latin1', 'utf-16le', '"UTF-16"', 'utf-32', 'utf-7', '', 'utf-8; charset=utf-16le'])(
    'responds to a body whose charset is %s with 415',
    async (charset) => {
      const response = await request(setUp().app)
        .post('/echo/x')
        .set('Content-Type', `application/json; charset=${charset}`)
        .send(JSON.stringify(valid))
        .expect(415);
      expect(response.body).toMatchObject({ code: 'unsupported-media-type' });
    },
  );

  it('says which media type and which codings it reads', async () => {
    const post = () => request(setUp().app).post('/echo/x');
    await post().type('text/plain').send('x').expect(415).expect('Accept', 'application/json');
    for (const coding of ['zip', 'gzip, gzip', 'compress']) {
      const sending = post().set('Content-Encoding', coding).send(valid).expect(415);
      const { headers, body } = await sending;
      expect(headers['accept-encoding']).toMatch(/^gzip, deflate, br/);
      expect(body).toMatchObject({ detail: expect.stringMatching(/gzip/) as string });
    }
    await post().set('Content-Encoding', 'Identity').send(valid).expect(200);
  });

  it('refuses a body that is too large once decompressed', async () => {
    await request(setUp().app)
      .post('/echo/x')
      .set({ 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' })
      .serialize((data) => data as string)
      .send(gzipSync(JSON.stringify({ a: 'x'.repeat(1_000_000) })))
      .expect(413);
  });

  it('responds to an unknown path with 404', async () => {
    const { body } = await request(setUp().app).get('/nowhere?q=1').expect(404);
    expect(body).toMatchObject({ code: 'route-not-found', instance: '/nowhere?q=1' });
  });

  it('responds to a path that cannot be decoded with 400', async () => {
    const { body } = await request(setUp().app).post('/echo/%E0%A4%A').send(valid).expect(400);
    expect(body).toMatchObject({ code: 'malformed-request' });
  });

  it.each([
    ...['n=%FF', 'n=jos%E9', 'x=%C3', 'n=1&%A9', 'n=%ED%A0%80', 'n=%C3&n=%A9', 'n=%', 'n=%zz'].map(
      (query) => `/echo/x?${query}`,
    ),
    ...['/echo/%FF', '/echo/%ED%A0%80', '/echo/%C3'],
  ])('responds to bytes that are not percent-encoded UTF-8 with 400: %s', async (target) => {
    const server = await startApp(setUp().app);
    const { status, text } = await rawRequest(server.port, `POST ${target}`, JSON.stringify(valid));
    await server.close();
    expect([status, text]).toEqual([400, expect.stringContaining('"code":"malformed-request"')]);
  });

  it('refuses query parameters that an endpoint does not know, also beyond the thousandth', async () => {
    const { app } = setUp();
    for (const target of ['/throw/teapot?x=1', '/throw/teapot?x', '/throw/teapot?__proto__=1']) {
      const { body } = await request(app).get(target).expect(400);
      expect(body).toMatchObject({ errors: [{ detail: 'is not a known field' }] });
    }
    const padding = '&'.repeat(1001);
    await request(app).post(`/echo/x?${padding}x=1`).send(valid).expect(400);
    await request(app).post(`/echo/x?${padding}n=1`).send(valid).expect(200);
    await request(app).get('/throw/teapot?').expect(418);
  });

  it('responds to OPTIONS * with the methods of the server, and to * with any other method with 400', async () => {
    const server = await startApp(setUp().app);
    const options = await rawRequest(server.port, 'OPTIONS *');
    const others = await rawRequest(server.port, 'GET *');
    await server.close();
    expect([options.status, others.status]).toEqual([204, 400]);
    expect(options.text).toMatch(/^Allow: POST, GET, HEAD, OPTIONS\r$/m);
    expect(options.text).not.toMatch(/^Content-Length/im);
  });

  it('responds to a wrong method with 405 and names the right ones', async () => {
    const { app } = setUp();
    await request(app).delete('/echo/x').expect(405).expect('Allow', 'POST, OPTIONS');
    await request(app).put('/throw/x').expect(405).expect('Allow', 'GET, HEAD, OPTIONS');
    await request(app).options('/echo/x').expect(204).expect('Allow', 'POST, OPTIONS');
  });

  it('turns an error with a listed code into its problem', async () => {
    const { body } = await request(setUp().app).get('/throw/teapot').expect(418);
    expect(body).toEqual({
      type: 'tag:loan-buddy.example,2025:problem:teapot',
      title: 'A teapot',
      status: 418,
      detail: 'Short and stout.',
      instance: '/throw/teapot',
      code: 'teapot',
      handle: 'here',
    });
  });

  it('never repeats the message of a 5xx, and says when to retry', async () => {
    const response = await request(setUp().app).get('/throw/down').expect(503);
    expect(response.headers['retry-after']).toBe('7');
    expect(response.body).toMatchObject({ code: 'down', detail: 'Come back later.' });
    expect(response.text).not.toContain('10.0.0.1');
  });

  it('responds to an unknown error with 500, logs it, and tells the client nothing about it', async () => {
    const { app, lines } = setUp();
    const response = await request(app).get('/throw/up').expect(500);
    expect(response.body).toMatchObject({ code: 'internal-error', status: 500 });
    expect(response.text).not.toMatch(/secret|at .*\.ts/);
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        msg: 'request failed',
        err: expect.objectContaining({ message: 'a secret' }) as object,
      }),
    );
  });

  it('sends the security headers with every response', async () => {
    const { app } = setUp();
    const requests = [
      request(app).get('/throw/teapot'),
      request(app).get('/nowhere'),
      request(app).options('/echo/x'),
      request(app).post('/echo/x').send('text'),
    ];
    for (const sent of requests) {
      const { headers } = await sent;
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cache-control': 'no-store',
      });
      expect(headers).not.toHaveProperty('x-powered-by');
    }
  });

  it('keeps a well-formed request id and replaces any other', async () => {
    const { app, lines } = setUp();
    await request(app)
      .get('/throw/teapot')
      .set('X-Request-Id', 'abc-1')
      .expect('X-Request-Id', 'abc-1');
    for (const bad of ['with space', 'x'.repeat(129), 'a"b']) {
      const { headers } = await request(app).get('/throw/teapot').set('X-Request-Id', bad);
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(lines[0]).toMatchObject({ requestId: 'abc-1' });
  });

  it('handles any header names', async () => {
    const server = await startApp(setUp().app);
    const raw = async (...lines: string[]) => {
      const socket = connect(server.port, '127.0.0.1');
      socket.write(
        ['GET /throw/teapot HTTP/1.1', ...lines, 'Connection: close', '', ''].join('\r\n'),
      );
      return (await text(socket)).slice(0, 12);
    };
    expect(await raw('Host: x', '__proto__: 1')).toBe('HTTP/1.1 418');
    expect(await raw('Host: x', 'hOST: y')).toBe('HTTP/1.1 400');
    await server.close();
  });

  it('refuses a URL of more than 4096 characters', async () => {
    const { app } = setUp();
    await request(app)
      .get(`/${'x'.repeat(4095)}`)
      .expect(404);
    const { status, body } = await request(app).get(`/${'x'.repeat(4096)}`);
    expect([status, (body as Problem).code]).toEqual([414, 'uri-too-long']);
  });

  it('writes one log line per request, with the route, or the path if none matches', async () => {
    const { app, lines } = setUp();
    await request(app).post('/echo/x').send(valid);
    await request(app).get('/throw/down');
    await request(app).get('/nowhere\u009b?token=secret');
    await request(app).get(`/${'x'.repeat(300)}`);
    expect(lines.filter(({ msg }) => msg !== 'audit')).toEqual([
      {
        level: 'info',
        method: 'POST',
        route: '/echo/:id',
        status: 200,
        durationMs: expect.any(Number) as number,
        requestId: expect.any(String) as string,
        msg: 'request',
      },
      expect.objectContaining({ level: 'warn', method: 'GET', route: '/throw/:what', status: 503 }),
      expect.objectContaining({ level: 'info', route: null, path: '/nowhere%C2%9B', status: 404 }),
      expect.objectContaining({ route: null, path: `/${'x'.repeat(199)}` }),
    ]);
  });

  it('logs a request as aborted if its client leaves', async () => {
    const { app, hanging, lines } = setUp();
    const server = await startApp(app);
    const req = get(`${server.url}/throw/hang`);
    req.on('error', () => undefined);
    await until(() => hanging.length > 0);
    req.destroy();
    await until(() => lines.length > 0);
    expect(lines).toEqual([
      expect.objectContaining({ level: 'warn', msg: 'request aborted', status: null }),
    ]);
    await server.close();
  });

  it('cuts off a response that fails halfway, instead of ending it as if it were complete', async () => {
    const { app, lines } = setUp();
    await expect(request(app).get('/throw/half')).rejects.toThrow('aborted');
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'error', msg: 'request failed' }),
    );
  });

  it('closes the connection with each response once a drain has begun', async () => {
    const { app, lifecycle } = setUp();
    lifecycle.draining = true;
    await request(app)
      .get('/nowhere')
      .set('Connection', 'keep-alive')
      .expect('Connection', 'close');
  });
});
