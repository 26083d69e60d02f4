/** Every usual way to respond with Express works in every handler, with the headers of every response. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import express, { type Response } from 'express';
import helmet from 'helmet';
import request from 'supertest';
import { recordingLogger, startApp, until } from '../../testing';
import { createAdmission } from '../admission/admission';
import type { RateLimiter } from '../admission/quota';
import { endpoint } from './endpoint';
import { createExpressApp } from './express-app';
import { createLifecycle } from './lifecycle';
import { kitProblems } from '../problem/problem';
import { send } from './responses';
import { securityHeaders } from './security-headers';
import type { ServedRequest } from '../telemetry/requests';

const folder = mkdtempSync(join(tmpdir(), 'static-'));
writeFileSync(join(folder, 'page.txt'), 'a page');
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const redirect = (res: Response) => {
  res.redirect('/there');
};
const sendFile = (res: Response) => {
  res.sendFile(join(folder, 'page.txt'));
};

/** Ways for a handler to respond, with the resulting status and body. */
const ways: Record<string, [respond: (res: Response) => unknown, status: number, body: string]> = {
  'res.json': [(res) => res.json({ a: 1 }), 200, '{"a":1}'],
  'res.status and res.json': [(res) => res.status(418).json([]), 418, '[]'],
  'res.send of text': [(res) => res.send('text'), 200, 'text'],
  'res.send of bytes': [(res) => res.type('txt').send(Buffer.from('bytes')), 200, 'bytes'],
  'res.sendStatus': [(res) => res.sendStatus(202), 202, 'Accepted'],
  'res.redirect': [redirect, 302, 'Found. Redirecting to /there'],
  'res.sendFile': [sendFile, 200, 'a page'],
  'res.end': [(res) => res.end('end'), 200, 'end'],
  'res.write': [(res) => (res.write('one '), res.end('two')), 200, 'one two'],
  'a stream': [(res) => Readable.from(['a ', 'stream']).pipe(res.type('txt')), 200, 'a stream'],
  'res.writeHead with an object': [
    (res) => res.writeHead(201, { 'X-Own': 'x' }).end('own'),
    201,
    'own',
  ],
  'res.writeHead with a list': [(res) => res.writeHead(201, ['X-Own', 'x']).end('own'), 201, 'own'],
  'res.writeHead with a reason': [(res) => res.writeHead(201, 'Fine').end('own'), 201, 'own'],
};

function setUp() {
  const { logger, lines } = recordingLogger();
  const lifecycle = createLifecycle();
  const observed: ServedRequest[] = [];
  const quota = { name: 'reads', limit: 100, windowS: 60, exact: false };
  const limiter: RateLimiter = {
    quotas: { reads: quota, writes: quota },
    take: () => ({ quota, isExceeded: false, remaining: 99, resetS: 60 }),
    close: () => Promise.resolve(),
  };
  const get = (path: string, respond: (res: Response) => unknown) =>
    endpoint(
      {
        method: 'get',
        path,
        operationId: path,
        tag: { name: 'Test', description: 'Test.' },
        summary: path,
        access: 'public',
        responses: {},
      },
      ({ res }) => {
        respond(res);
      },
    );
  const app = createExpressApp({
    logger,
    lifecycle,
    problems: kitProblems,
    admission: createAdmission({ limiter }),
    observe: (each) => observed.push(each),
    endpoints: [
      ...Object.entries(ways).map(([name, [respond]]) => get(pathOf(name), respond)),
      get('/behind-helmet', (res) => {
        helmet({ xFrameOptions: { action: 'sameorigin' } })(res.req, res, () => res.json({}));
      }),
      get('/send-behind-middleware', (res) => {
        res.setHeader('X-Own', 'x');
        send(res, 200, 'fast', securityHeaders);
      }),
    ],
  });
  app.use('/static', express.static(folder));
  return { app, lines, lifecycle, observed };
}

const pathOf = (name: string) => `/${name.replaceAll(' ', '-')}`;

function expectCommon(headers: Record<string, string>) {
  for (let i = 0; i < securityHeaders.length; i += 2) {
    expect(headers[securityHeaders[i]!.toLowerCase()]).toBe(securityHeaders[i + 1]);
  }
}

describe.each(Object.entries(ways))('%s', (name, [, status, body]) => {
  it('has the headers of every response, and is logged and measured', async () => {
    const { app, lines, lifecycle, observed } = setUp();
    const server = await startApp(app);
    const ask = () =>
      fetch(server.url + pathOf(name), { headers: { 'X-Request-Id': 'r-1' }, redirect: 'manual' });
    const response = await ask();
    const headers = Object.fromEntries(response.headers);
    expect([response.status, await response.text()]).toEqual([status, body]);
    expectCommon(headers);
    expect(headers).toMatchObject({
      'x-request-id': 'r-1',
      'ratelimit-policy': '"reads";q=100;w=60',
      ratelimit: expect.stringMatching(/^"reads";r=99;t=/) as string,
      connection: 'keep-alive',
    });
    if (name.startsWith('res.writeHead with a') && !name.endsWith('reason')) {
      expect(headers).toMatchObject({ 'x-own': 'x' });
    }
    await until(() => observed.length === 1);
    expect(observed).toMatchObject([{ method: 'GET', route: pathOf(name), status }]);
    expect(lines).toMatchObject([
      { msg: 'request', requestId: 'r-1', route: pathOf(name), status },
    ]);

    lifecycle.draining = true;
    const last = await ask();
    await last.text();
    expect(last.headers.get('connection')).toBe('close');
    await server.close();
  });
});

describe('ordinary middleware', () => {
  it('serves files, with the headers of every response', async () => {
    const { app } = setUp();
    const { status, text, headers } = await request(app).get('/static/page.txt');
    expect([status, text]).toEqual([200, readFileSync(join(folder, 'page.txt'), 'utf8')]);
    expectCommon(headers);
    expect(headers).toHaveProperty('x-request-id');
    expect((await request(app).get('/static/none')).body).toMatchObject({
      code: 'route-not-found',
    });
  });

  it('may override a security header', async () => {
    const { status, headers } = await request(setUp().app).get('/behind-helmet');
    expect([status, headers['x-frame-options']]).toEqual([200, 'SAMEORIGIN']);
    expect(headers['referrer-policy']).toBe('no-referrer');
  });

  it('can add a header to a response made with send', async () => {
    const { status, text, headers } = await request(setUp().app).get('/send-behind-middleware');
    expect([status, text, headers['x-own']]).toEqual([200, 'fast', 'x']);
    expectCommon(headers);
  });
});
