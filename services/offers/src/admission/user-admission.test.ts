import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  allButIntervals,
  AUDIENCE,
  createTokenIssuer,
  ISSUER,
  startHttpServer,
  eventLoopTurns,
  until,
} from '@loan-buddy/kit/testing';
import request from 'supertest';
import { useService } from '../../test/service';
import { readConfig } from '../config';

const aService = useService();

const opened: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const { close } of opened.splice(0).reverse()) await close();
});

/** Builds offers with these environment variables. */
function serviceWith(env: NodeJS.ProcessEnv) {
  const config = readConfig({
    AUTH_MODE: 'jwt',
    AUTH_ISSUER: ISSUER,
    AUTH_AUDIENCE: AUDIENCE,
    SERVICE_AUTH_SECRETS: 'x'.repeat(32),
    ...env,
  });
  const { app, lines } = aService(config);
  const list = (token: string) => request(app).get('/offers').auth(token, { type: 'bearer' });
  return { list, lines, ready: () => request(app).get('/readyz') };
}

const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'];

/** Entries of a key set that are not understood, or not for tokens of ours, some with the ids of good keys. */
async function oddKeys(good: object): Promise<unknown[]> {
  const { jwk: encryption } = await createTokenIssuer('key-1', 'RS256');
  return [
    ...[null, true, 7, 'key', [], {}, [good], { keys: [good] }],
    { kid: 'x', n: 'AAAA' },
    { kid: 'key-0', kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA' },
    { kid: 'key-0', kty: 'XYZ', crv: 'P-256', x: 'AAAA', y: 'AAAA' },
    { kid: 'key-0', kty: 'oct', k: 'AAAA', alg: 'HS256' },
    { kid: 'key-1', kty: 'RSA', n: 'AAAA', e: 'AQAB', alg: 'RS256' },
    { kid: 'key-1', kty: 'RSA', n: 7, e: null },
    { kid: 'key-3', kty: 'OKP', crv: 'X25519', x: 'AAAA' },
    { kid: 'key-3', kty: 'OKP', crv: 'Ed448', x: 'AAAA', alg: 'EdDSA' },
    ...[
      { kty: undefined },
      { kty: 'EC2' },
      { kty: ['EC'] },
      { kty: null },
      { crv: 'P-999' },
      { crv: {} },
      { x: '!!!' },
      { x: '' },
      { x: 7 },
      { y: undefined },
      { d: 'AAAA' },
      { use: 'enc' },
      { use: 7 },
      { key_ops: ['sign'] },
      { key_ops: 'verify' },
      { alg: 'RS256' },
      { alg: 'ES384' },
      { alg: 7 },
      { ext: 'yes' },
    ].map((change) => ({ ...good, ...change })),
    { ...encryption, use: 'enc' },
  ];
}

/** Starts an issuer that always sends this response. */
async function anIssuer(answer: { status: number; body: string }) {
  const server = await startHttpServer((req, res) => {
    const { status, body } = req.url === '/keys' ? answer : { ...answer, status: 200 };
    res.writeHead(status, { 'Content-Type': 'application/json', Location: '/elsewhere' }).end(body);
  });
  opened.push(server);
  return { AUTH_JWKS_URL: `${server.url}/keys` };
}

const sources = {
  AUTH_JWKS_URL: async (body: string) => {
    const answer = { status: 200, body };
    return { env: await anIssuer(answer), replace: (by: string) => (answer.body = by) };
  },
  AUTH_JWKS_FILE: (body: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'keys-'));
    const close = () => {
      rmSync(folder, { recursive: true });
    };
    opened.push({ close });
    const AUTH_JWKS_FILE = join(folder, 'jwks.json');
    const replace = (by: string) => {
      writeFileSync(AUTH_JWKS_FILE, by);
    };
    replace(body);
    return { env: { AUTH_JWKS_FILE }, replace };
  },
};

describe('the issuer’s keys', () => {
  it.each([
    ['AUTH_JWKS_URL', 300_000],
    ['AUTH_JWKS_FILE', 2000],
  ] as const)(
    'come from %s, and are accepted for up to %d ms after removal',
    async (name, refreshMs) => {
      jest.useFakeTimers({ doNotFake: allButIntervals });
      opened.push({ close: () => jest.useRealTimers() });
      const { jwks, sign } = await createTokenIssuer();
      const { env, replace } = await sources[name](jwks);
      const { list } = serviceWith(env);
      const token = await sign({ scope: 'offers:read' });
      await list(token).expect(200);
      replace((await createTokenIssuer('another')).jwks);
      jest.advanceTimersByTime(refreshMs - 1);
      // Lets a premature second read happen.
      await eventLoopTurns();
      await list(token).expect(200);
      jest.advanceTimersByTime(1);
      await until(async () => (await list(token)).status === 401);
    },
  );

  it.each(['AUTH_JWKS_URL', 'AUTH_JWKS_FILE'] as const)(
    'come from %s whatever else the set contains, also those added later',
    async (name) => {
      jest.useFakeTimers({ doNotFake: allButIntervals });
      opened.push({ close: () => jest.useRealTimers() });
      const issuers = await Promise.all(
        algorithms.map((alg, i) => createTokenIssuer(`key-${String(i)}`, alg)),
      );
      const odd = await oddKeys(issuers[0]!.jwk);
      const setWith = (jwks: object[]) =>
        `\uFEFF${JSON.stringify({ more: null, keys: [...odd, ...jwks, ...odd] })}`;
      const { env, replace } = await sources[name](setWith([]));
      const { list, ready } = serviceWith(env);
      const [first, ...others] = await Promise.all(
        issuers.map(({ sign }) => sign({ scope: 'offers:read' })),
      );
      await list(first!).expect(503);
      await ready().expect(503);
      replace(setWith([issuers[0]!.jwk]));
      await until(async () => (await list(first!)).status === 200);
      await ready().expect(200);
      const { jwk: sameId } = await createTokenIssuer('key-0');
      replace(setWith([sameId, ...issuers.map(({ jwk }) => jwk)]));
      jest.advanceTimersByTime(300_000);
      for (const token of others) await until(async () => (await list(token)).status === 200);
      await list(first!).expect(200);
      replace(JSON.stringify({ keys: odd }));
      jest.advanceTimersByTime(300_000);
      await until(async () => (await list(first!)).status === 503);
      await ready().expect(200);
    },
  );

  it('are read again until there are some; meanwhile, the service is not ready and says why', async () => {
    const { jwks, sign } = await createTokenIssuer();
    const answer = { status: 500, body: jwks };
    const { list, ready, lines } = serviceWith(await anIssuer(answer));
    await until(() => lines.some(({ msg }) => msg === 'token keys cannot be read'));
    const { body } = await ready().expect(503);
    const reason = 'cannot be read: the issuer responded 500';
    expect(body).toMatchObject({ status: 'starting', detail: { token_keys: reason } });
    answer.status = 200;
    await until(async () => (await ready()).status === 200);
    await list(await sign({ scope: 'offers:read' })).expect(200);
  });

  it('are found among a thousand keys of others', async () => {
    const { jwks, sign } = await createTokenIssuer();
    const { keys } = JSON.parse(jwks) as { keys: object[] };
    const others = Array.from({ length: 1000 }, (_, i) => ({
      kid: `other ${String(i)}`,
      n: 'A'.repeat(342),
    }));
    const body = JSON.stringify({ keys: [...others, ...keys] });
    const { list } = serviceWith(await anIssuer({ status: 200, body }));
    await list(await sign({ scope: 'offers:read' })).expect(200);
  });

  it.each([
    ['a status other than 200', 203, ''],
    ['a redirect', 302, ''],
    ['a body that is too long', 200, ' '.repeat(1_048_576)],
  ])('cannot be read if AUTH_JWKS_URL returns %s', async (_, status, padding) => {
    const { jwks, sign } = await createTokenIssuer();
    const { list, lines } = serviceWith(await anIssuer({ status, body: jwks + padding }));
    const { body } = await list(await sign({ scope: 'offers:read' })).expect(503);
    expect(body).toMatchObject({ code: 'keys-unavailable' });
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'token keys cannot be read' }));
  });
});
