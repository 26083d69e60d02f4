import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import request from 'supertest';
import { recordingLogger, startApp } from '../../testing';
import { createLifecycle } from './lifecycle';
import { kitProblems } from '../problem/problem';
import { createServiceApp } from './service-app';

const app = createServiceApp({
  info: { title: 'a service', version: '1.0.0', description: 'For a test.' },
  links: { things: '/things' },
  logger: recordingLogger().logger,
  lifecycle: createLifecycle(),
  problems: kitProblems,
  endpoints: [],
});

/** Returns the bytes as sent: supertest would decompress them. */
async function download(url: string, acceptEncoding?: string, etag?: string) {
  const headers = {
    ...(acceptEncoding !== undefined && { 'Accept-Encoding': acceptEncoding }),
    ...(etag !== undefined && { 'If-None-Match': etag }),
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers }, resolve).on('error', reject);
  });
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

describe('the files of the documentation page', () => {
  const original = readFileSync(require.resolve('swagger-ui-dist/swagger-ui-bundle.js'));
  let server: Awaited<ReturnType<typeof startApp>>;
  beforeAll(async () => {
    server = await startApp(app);
  });
  afterAll(() => server.close());

  it.each(['gzip', 'gzip, deflate, br, zstd', '*'])(
    'are compressed for a client that accepts %s',
    async (accepted) => {
      const { headers, body } = await download(`${server.url}/docs/swagger-ui-bundle.js`, accepted);
      expect(headers).toMatchObject({
        'content-encoding': 'gzip',
        'content-length': String(body.length),
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': 'public, max-age=3600',
        vary: 'Accept-Encoding',
      });
      expect(body.length).toBeLessThan(original.length / 2);
      expect(gunzipSync(body).equals(original)).toBe(true);
    },
  );

  it.each([undefined, 'br', 'gzip;q=0', 'identity, gzip;q=0.5'])(
    'are not compressed for a client that accepts %s',
    async (accepted) => {
      const { headers, body } = await download(`${server.url}/docs/swagger-ui-bundle.js`, accepted);
      expect(headers).not.toHaveProperty('content-encoding');
      expect(headers).toMatchObject({
        'content-length': String(original.length),
        vary: 'Accept-Encoding',
      });
      expect(body.equals(original)).toBe(true);
    },
  );

  it.each(['gzip', undefined])(
    'are not sent again to a client that has them, as %s',
    async (coding) => {
      const path = `${server.url}/docs/swagger-ui.css`;
      const first = await download(path, coding);
      const etag = first.headers.etag!;
      expect(etag).toMatch(/^"[\w-]{22}"$/);
      const again = await download(path, coding, etag);
      expect(again).toMatchObject({ status: 304, headers: { etag, vary: 'Accept-Encoding' } });
      expect(again.body).toHaveLength(0);
      expect(again.headers).not.toHaveProperty('content-length');
      // The other encoding is another body, so it has another tag.
      const other = await download(path, coding === 'gzip' ? undefined : 'gzip', etag);
      expect(other).toMatchObject({ status: 200 });
    },
  );

  it('include the OpenAPI document, which no cache may store', async () => {
    const { headers, body } = await download(`${server.url}/openapi.json`, 'gzip');
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'cache-control': 'no-store' });
    expect(JSON.parse(gunzipSync(body).toString())).toMatchObject({ openapi: '3.1.0' });
  });
});

describe('GET /', () => {
  const home = (accept: string) => request(app).get('/').set('Accept', accept).redirects(0);

  it.each(['', '*/*', 'application/json', 'application/json, text/html', 'image/png'])(
    'links to the rest in JSON for a client that accepts "%s"',
    async (accept) => {
      const { headers, body } = await home(accept).expect(200);
      expect(headers['vary']).toBe('Accept');
      expect(body).toEqual({
        name: 'a service',
        version: '1.0.0',
        description: 'For a test.',
        links: { things: '/things', docs: '/docs', openapi: '/openapi.json', health: '/health' },
      });
    },
  );

  it.each(['text/html', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'])(
    'redirects a browser, which accepts %s, to the documentation',
    async (accept) => {
      const { headers } = await home(accept).expect(303);
      expect(headers).toMatchObject({ location: '/docs', vary: 'Accept' });
    },
  );

  it('responds to HEAD with headers only', async () => {
    const { headers, body } = await request(app).head('/').expect(200);
    expect(Number(headers['content-length'])).toBeGreaterThan(100);
    expect(body).toEqual({});
  });
});
