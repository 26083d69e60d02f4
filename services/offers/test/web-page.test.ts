import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import request from 'supertest';
import { useService } from './service';

const aService = useService();
const folder = join(__dirname, '../page');
const inBrowser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const served = readdirSync(folder).filter((name) => /\.(css|js|svg)$/.test(name));

describe('GET / of offers', () => {
  it('is the page for a browser, which asks each time whether it has changed', async () => {
    const { app } = aService();
    const { headers, text } = await request(app).get('/').set('Accept', inBrowser).expect(200);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      vary: 'Accept, Accept-Encoding',
    });
    expect(text).toMatch(/^<!doctype html>/);
    const again = request(app).get('/').set('Accept', inBrowser);
    const { body } = await again.set('If-None-Match', headers['etag']!).expect(304);
    expect(body).toEqual({});
  });

  it.each(['', '*/*', 'application/json', 'application/json, text/html'])(
    'has the same links in JSON with and without the page, for a client that accepts "%s"',
    async (accept) => {
      const responses = (['on', 'off'] as const).map((PAGE) =>
        request(aService({ PAGE }).app).get('/').set('Accept', accept).expect(200),
      );
      const [on, off] = await Promise.all(responses);
      expect(on!.body).toMatchObject({ links: { offers: '/offers', docs: '/docs' } });
      expect(on!.text).toBe(off!.text);
      const constant = ({ headers }: typeof on & object) => ({
        ...headers,
        date: '',
        'x-request-id': '',
      });
      expect(constant(on!)).toEqual(constant(off!));
      expect(on!.headers['vary']).toBe('Accept');
    },
  );

  it('redirects a browser to the docs page with PAGE=off, and has no other file of the page', async () => {
    const { app } = aService({ PAGE: 'off' });
    const { headers } = await request(app).get('/').set('Accept', inBrowser).expect(303);
    expect(headers).toMatchObject({ location: '/docs', vary: 'Accept' });
    await request(app).get('/page/app.js').expect(404);
  });
});

describe('the files of the page', () => {
  it('have at most 60,000 bytes in all', () => {
    const sizes = [...served, 'index.html'].map((name) => statSync(join(folder, name)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60_000);
  });

  it('load and call only this server, and no other page may embed them', async () => {
    const { app } = aService();
    for (const path of ['/', ...served.map((name) => `/page/${name}`)]) {
      const { headers } = await request(app).get(path).set('Accept', inBrowser).expect(200);
      const policy = headers['content-security-policy']!.split('; ');
      expect(policy).toEqual(
        expect.arrayContaining([
          ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"],
          ...["frame-ancestors 'none'", "require-trusted-types-for 'script'"],
        ]),
      );
      expect(policy.join()).not.toMatch(/unsafe|https?:|\*/);
      expect(headers).toMatchObject({
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'content-type': expect.stringMatching(/^(text\/(html|css|javascript)|image\/svg\+xml)/),
      });
    }
  });

  it('are nothing but what a browser needs', async () => {
    const { app } = aService();
    for (const name of ['tsconfig.json', 'types.d.ts', '%2e%2e/package.json', 'x.js']) {
      await request(app).get(`/page/${name}`).expect(404);
    }
  });
});
