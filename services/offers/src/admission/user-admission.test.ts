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
import { useService } from '../../test/builders';
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
  return { list, lines };
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

  it.each([
    ['a status other than 200', 203, ''],
    ['a redirect', 302, ''],
    ['a body that is too long', 200, ' '.repeat(262_144)],
  ])('cannot be read if AUTH_JWKS_URL returns %s', async (_, status, padding) => {
    const { jwks, sign } = await createTokenIssuer();
    const { list, lines } = serviceWith(await anIssuer({ status, body: jwks + padding }));
    const { body } = await list(await sign({ scope: 'offers:read' })).expect(503);
    expect(body).toMatchObject({ code: 'keys-unavailable' });
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'token keys cannot be read' }));
  });
});
