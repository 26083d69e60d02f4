import request from 'supertest';
import { recordingLogger } from '../../testing';
import { createAdmission } from '../admission/admission';
import { kitProblems } from '../problem/problem';
import { endpoint } from './endpoint';
import { createLifecycle } from './lifecycle';
import { sendJson } from './responses';
import { createServiceApp } from './service-app';

const PAGE = 'https://app.example.com';

function setUp(corsOrigins?: string[]) {
  const quota = { name: 'reads', limit: 1, windowS: 60, exact: false };
  let taken = 0;
  const things = endpoint(
    {
      method: 'patch',
      path: '/things/{id}',
      operationId: 'changeThing',
      summary: 'A thing',
      access: { scope: 'things' },
      headers: { 'X-Always': 'Sent always.' },
      responses: { 200: { description: 'The thing.', headers: { ETag: 'Its tag.' } } },
    },
    ({ res }) => {
      sendJson(res, 200, {});
    },
  );
  const app = createServiceApp({
    info: { title: 'a service', version: '1.0.0', description: 'For a test.' },
    logger: recordingLogger().logger,
    lifecycle: createLifecycle(),
    problems: kitProblems,
    endpoints: [things],
    corsOrigins,
    admission: createAdmission({
      verifyToken: () => Promise.reject(new Error('never called')),
      limiter: {
        quotas: { reads: quota, writes: quota },
        take: () => ({ quota, isExceeded: ++taken > 1, remaining: 0, resetS: 60 }),
        close: () => Promise.resolve(),
      },
    }),
  });
  const preflight = (origin: string) =>
    request(app).options('/things/1').set({
      Origin: origin,
      'Access-Control-Request-Method': 'PATCH',
      'Access-Control-Request-Headers': 'authorization,idempotency-key',
    });
  return { app, preflight };
}

const corsHeaders = ({ headers }: { headers: Record<string, string> }) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-') || name === 'vary');

describe('without CORS_ORIGINS', () => {
  it('no response allows another origin', async () => {
    const { app, preflight } = setUp();
    const { headers } = await preflight(PAGE).expect(204, '').expect('Allow', 'PATCH, OPTIONS');
    expect(corsHeaders({ headers })).toEqual([]);
    expect(corsHeaders(await request(app).get('/health').set('Origin', PAGE))).toEqual([]);
  });
});

describe('with CORS_ORIGINS', () => {
  const origins = ['https://other.example.com', PAGE];

  it('a preflight needs no token and counts towards no quota', async () => {
    const { preflight } = setUp(origins);
    for (let i = 0; i < 3; i++) {
      const { headers } = await preflight(PAGE).expect(204, '');
      expect(headers).toMatchObject({
        'access-control-allow-origin': PAGE,
        'access-control-allow-methods': 'PATCH, GET, HEAD, OPTIONS',
        'access-control-allow-headers': 'authorization,idempotency-key',
        'access-control-max-age': '600',
        allow: 'PATCH, OPTIONS',
        vary: 'Origin, Access-Control-Request-Headers',
      });
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    }
  });

  it('a page can read every response and all of its headers, problems too', async () => {
    const { app } = setUp(origins);
    for (const status of [401, 429]) {
      const sending = request(app).patch('/things/1').set('Origin', PAGE);
      const { headers } = await sending.expect(status);
      expect(headers).toMatchObject({ 'access-control-allow-origin': PAGE, vary: 'Origin' });
      const exposed = headers['access-control-expose-headers']!.split(',');
      expect(exposed).toEqual(expect.arrayContaining(['X-Always', 'ETag', 'Retry-After']));
    }
    for (const path of ['/nowhere', '/health', '/?x=1']) {
      const { headers } = await request(app).get(path).set('Origin', PAGE);
      expect([path, headers['access-control-allow-origin']]).toEqual([path, PAGE]);
    }
  });

  it.each(['https://evil.example', 'https://app.example.com.evil.example', 'null'])(
    'a page of %s can read nothing',
    async (origin) => {
      const { app, preflight } = setUp(origins);
      for (const sending of [
        preflight(origin),
        request(app).get('/health').set('Origin', origin),
      ]) {
        const { headers } = await sending;
        expect(headers).not.toHaveProperty('access-control-allow-origin');
        expect(headers['vary']).toMatch(/^Origin/);
      }
    },
  );

  it('a response without an origin still varies by it, and by what else it depends on', async () => {
    const { app } = setUp(origins);
    await request(app).get('/health').expect(200).expect('Vary', 'Origin');
    await request(app).get('/').expect(200).expect('Vary', 'Origin, Accept');
    const document = request(setUp(origins).app).get('/openapi.json').expect(200);
    await document.expect('Vary', 'Origin, Accept-Encoding');
  });
});
