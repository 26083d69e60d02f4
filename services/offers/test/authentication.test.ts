// Long, because tokens, scopes, ownership and the audit log are tested on the same routes, with the same issuer.
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import type { Express } from 'express';
import { createAdmission, type Admission } from '@loan-buddy/kit/admission';
import { createTokenVerifier } from '../src/admission/token-verifier';
import { createKeySet } from '../src/admission/key-set';
import {
  AUDIENCE,
  createOpenApiCheck,
  createTokenIssuer,
  ISSUER,
  recordingLogger,
  startApp,
  until,
  type Claims,
  type LogLine,
} from '@loan-buddy/kit/testing';
import request from 'supertest';
import type { Decision } from '../src/domain/order';
import { anOrder, aProvider } from './builders';
import { useService } from './service';

const aService = useService();

type Issuer = Awaited<ReturnType<typeof createTokenIssuer>>;
let issuer: Issuer;
let keys: ReturnType<typeof createKeySet>;
beforeAll(async () => {
  issuer = await createTokenIssuer();
  const readText = () => Promise.resolve(issuer.jwks);
  keys = createKeySet({ readText, refreshMs: 60_000, logger: recordingLogger().logger });
});
afterAll(() => {
  keys.close();
});

const verifyToken = () => createTokenVerifier({ keys, issuer: ISSUER, audience: AUDIENCE });

function guarded(options: Parameters<typeof createAdmission>[0] = {}) {
  const admission: Admission = createAdmission({ verifyToken: verifyToken(), ...options });
  return aService({ admission });
}

const auditsIn = (lines: readonly LogLine[]) =>
  lines.filter(({ msg }) => msg === 'audit').map(({ audit }) => audit);

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const allScopes = 'offers:read orders:read orders:write orders:admin webhooks:manage';
const wanted = { user_id: 'cristina', loan_id: 'offer2' };

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

/** Builds a token with a custom signature. */
function forged(header: object, payload: object, sign: (input: string) => string = () => '') {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${sign(input)}`;
}

const allButDate = [
  ...(['nextTick', 'queueMicrotask', 'performance', 'hrtime'] as const),
  ...(['setTimeout', 'setInterval', 'setImmediate'] as const),
  ...(['clearTimeout', 'clearInterval', 'clearImmediate'] as const),
];

const challenge = 'Bearer realm="loan-buddy"';
const invalid = (reason: string) =>
  `${challenge}, error="invalid_token", error_description="${reason}"`;
const notValid = invalid('The token is not valid.');
const noSubject = invalid('The token has no subject.');
const wrongClaim = invalid('A claim of the token is wrong.');

describe('an invalid token', () => {
  const cases: [name: string, token: () => string | Promise<string>, header: string][] = [
    [
      'expired',
      () => issuer.sign({ scope: allScopes, expiresIn: -31 }),
      invalid('The token has expired.'),
    ],
    ['not valid yet', () => issuer.sign({ scope: allScopes, notBefore: 60 }), wrongClaim],
    [
      'of another issuer',
      () => issuer.sign({ scope: allScopes, iss: 'https://evil.example' }),
      wrongClaim,
    ],
    ['for another audience', () => issuer.sign({ scope: allScopes, aud: 'else' }), wrongClaim],
    [
      'without an expiry',
      () => issuer.sign({ scope: allScopes, expiresIn: undefined }),
      wrongClaim,
    ],
    ['without a subject', () => issuer.sign({ scope: allScopes, sub: undefined }), wrongClaim],
    ['with an empty subject', () => issuer.sign({ scope: allScopes, sub: '' }), noSubject],
    [
      'with alg none',
      () => forged({ alg: 'none' }, issuer.payloadOf({ scope: allScopes })),
      notValid,
    ],
    [
      'with the public key as the secret of HS256',
      () =>
        forged({ alg: 'HS256', kid: 'key-1' }, issuer.payloadOf({ scope: allScopes }), (input) =>
          createHmac('sha256', issuer.pem).update(input).digest('base64url'),
        ),
      notValid,
    ],
    ['of an unknown key', () => issuer.sign({ scope: allScopes }, { kid: 'key-2' }), notValid],
    [
      'of another key under the same name',
      async () => (await createTokenIssuer()).sign({ scope: allScopes }),
      notValid,
    ],
    [
      'changed after it was signed',
      async () => {
        const [head, , signature] = (await issuer.sign({ scope: allScopes })).split('.');
        return `${head!}.${encode(issuer.payloadOf({ sub: 'root', scope: allScopes }))}.${signature!}`;
      },
      notValid,
    ],
    ['garbage instead of a token', () => 'garbage', notValid],
    ['made of three dots', () => '...', notValid],
    [
      'with an unknown critical header',
      () => forged({ alg: 'ES256', kid: 'key-1', crit: ['x'], x: 1 }, {}),
      notValid,
    ],
  ];

  it.each(cases)('is refused: %s', async (_, token, header) => {
    const asked = jest.fn();
    const providers = [aProvider({ fetchOffers: asked })];
    const admission = createAdmission({ verifyToken: verifyToken() });
    const { app, lines, orders } = aService({ admission, providers });
    const ordered = jest.spyOn(orders, 'insert');
    const sent = await token();
    for (const response of [
      await request(app).get('/offers').set(bearer(sent)),
      await request(app).post('/checkout').set(bearer(sent)).send(wanted),
    ]) {
      expect(response.status).toBe(401);
      expect(response.headers['www-authenticate']).toBe(header);
      expect(response.headers['content-type']).toBe('application/problem+json');
      expect(response.body).toMatchObject({ code: 'token-invalid' });
    }
    expect(JSON.stringify(lines)).not.toContain(sent);
    expect([asked, ordered].flatMap(({ mock }) => mock.calls)).toEqual([]);
  });

  it.each([
    ['there is no token', {}],
    ['another scheme is used', { Authorization: 'Basic Y3Jpc3RpbmE6eA==' }],
    ['the scheme only starts with Bearer', { Authorization: 'Bearerx y' }],
  ])('is refused without a reason if %s', async (_, sent) => {
    const { app } = guarded();
    const { status, headers, body } = await request(app).get('/offers').set(sent);
    expect([status, headers['www-authenticate']]).toEqual([401, challenge]);
    expect(body).toMatchObject({ code: 'token-missing' });
  });

  it.each([
    ['twice', async () => ['Bearer x', `Bearer ${await issuer.sign({ scope: allScopes })}`]],
    ['without a token', () => ['Bearer']],
    ['with trailing text', async () => [`Bearer ${await issuer.sign({ scope: allScopes })} x`]],
  ])('is refused if sent %s', async (_, lines) => {
    const { app } = guarded();
    const response = await raw(
      app,
      (await lines()).map((line) => `Authorization: ${line}`),
    );
    expect(response).toMatch(/^HTTP\/1\.1 400 /);
    expect(response).toContain(`WWW-Authenticate: ${challenge}, error="invalid_request"`);
  });

  it('is refused if it is 64 kB of garbage', async () => {
    const { app, lines } = guarded();
    const response = await raw(app, [`Authorization: Bearer ${'x'.repeat(65_536)}`]);
    // The server responds before it has read everything. Data sent after that may discard the response.
    expect(response).toMatch(/^(HTTP\/1\.1 431 |$)/);
    expect(lines).toEqual([]);
  });
});

/** Sends raw header lines, and returns the raw response. */
async function raw(app: Express, lines: readonly string[]): Promise<string> {
  const server = await startApp(app);
  try {
    return await new Promise((resolve) => {
      let response = '';
      const socket = connect(server.port, '127.0.0.1');
      socket.on('data', (chunk) => (response += chunk.toString()));
      socket.on('close', () => {
        resolve(response);
      });
      socket.on('error', () => undefined);
      const head = ['GET /offers HTTP/1.1', 'Host: x', 'Connection: close', ...lines];
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
    });
  } finally {
    await server.close();
  }
}

describe('a valid token', () => {
  it('is accepted for 30 s after its expiry, to allow for clock skew', async () => {
    const { app } = guarded();
    for (const claims of [{ expiresIn: -25 }, { notBefore: 25 }]) {
      const token = await issuer.sign({ scope: 'offers:read', ...claims });
      await request(app).get('/offers').set(bearer(token)).expect(200);
    }
  });

  it.each([
    ['RS256', 'RS256'],
    ['PS256', 'PS256'],
    ['EdDSA', 'EdDSA'],
    ['Ed25519', 'Ed25519'],
    ['EdDSA', 'Ed25519'],
    ['Ed25519', 'EdDSA'],
  ])('may be signed with %s, by a key for %s', async (alg, keyAlg) => {
    const other = await createTokenIssuer('key-1', keyAlg);
    const own = createKeySet({
      readText: () => Promise.resolve(other.jwks),
      refreshMs: 60_000,
      logger: recordingLogger().logger,
    });
    const verify = createTokenVerifier({ keys: own, issuer: ISSUER, audience: AUDIENCE });
    const { app } = guarded({ verifyToken: verify });
    const token = await other.sign({ scope: 'offers:read' }, { alg });
    await request(app).get('/offers').set(bearer(token)).expect(200);
    own.close();
  });

  it('may have its scopes in scp', async () => {
    const { app } = guarded();
    for (const scp of [['offers:read', 1], 'x offers:read']) {
      const token = await issuer.sign({ scp });
      await request(app).get('/offers').set(bearer(token)).expect(200);
    }
  });

  it('is verified once, and rejected once it has expired or its key is gone', async () => {
    const { app } = guarded();
    const getKey = jest.spyOn(keys, 'getKey');
    const verify = verifyToken();
    const good = await issuer.sign({ scope: 'offers:read' });
    await verify(good);
    expect(verify(good)).toMatchObject({ subject: 'cristina' });
    expect(getKey).toHaveBeenCalledTimes(1);

    const short = await issuer.sign({ scope: 'offers:read', expiresIn: 60 });
    const ask = () => request(app).get('/offers').set(bearer(short));
    const now = Date.now();
    await ask().expect(200);
    jest.useFakeTimers({ doNotFake: allButDate, now: now + 85_000 });
    await ask().expect(200);
    jest.setSystemTime(now + 95_000);
    await ask().expect(401);
    jest.useRealTimers();

    const source = { jwks: issuer.jwks };
    const rotating = createKeySet({
      readText: () => Promise.resolve(source.jwks),
      refreshMs: 20,
      logger: recordingLogger().logger,
    });
    const guard = createTokenVerifier({ keys: rotating, issuer: ISSUER, audience: AUDIENCE });
    await guard(good);
    source.jwks = (await createTokenIssuer('key-2')).jwks;
    const refusal = async () => {
      try {
        await guard(good);
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    };
    await until(async () => (await refusal()) !== undefined);
    expect(await refusal()).toBe('The token is not valid.');
    rotating.close();
  });

  it('gets a 503 while the keys cannot be read', async () => {
    const down = createKeySet({
      readText: () => Promise.reject(new Error('down')),
      refreshMs: 60_000,
      logger: recordingLogger().logger,
    });
    const verify = createTokenVerifier({ keys: down, issuer: ISSUER, audience: AUDIENCE });
    const { app, lines } = guarded({ verifyToken: verify });
    const token = await issuer.sign({ scope: 'offers:read' });
    const { status, headers, body } = await request(app).get('/offers').set(bearer(token));
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    expect(body).toMatchObject({ code: 'keys-unavailable' });
    expect(auditsIn(lines)).toMatchObject([{ outcome: 'denied', code: 'keys-unavailable' }]);
    down.close();
  });
});

describe('what a token allows', () => {
  interface Operation {
    security?: Record<string, string[]>[];
  }
  type Paths = Record<string, Record<string, Operation>>;
  type Audit = Record<'method' | 'path', string> & { status: number };

  const documentOf = async (app: Express) =>
    (await request(app).get('/openapi.json')).body as { paths: Paths };

  /** All operations of the document, with a matching URL for each path. */
  async function operations(app: Express) {
    const { paths } = await documentOf(app);
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        method: method as 'get' | 'post' | 'patch' | 'delete',
        path,
        url: path.replace(/\{\w+\}/g, 'x'),
        security: operation.security,
      })),
    );
  }

  it('is declared for each operation, and enforced', async () => {
    const { app, lines } = guarded();
    const all = await operations(app);
    expect(all.length).toBeGreaterThan(20);
    const check = createOpenApiCheck(await documentOf(app));
    const scopes = allScopes.split(' ');
    const tokens = await Promise.all(scopes.map((scope) => issuer.sign({ scope })));
    const expected: unknown[] = [];
    for (const { method, path, url, security } of all) {
      expect(security).toBeDefined();
      const send = async (headers: Record<string, string>) => {
        const response = await request(app)[method](url).set(headers).send();
        // Refused requests and changes leave a line; successful reads do not.
        const isRefused = [401, 403].includes(response.status);
        if (isRefused || method !== 'get') expected.push([method, url, response.status]);
        return response;
      };
      const [needed] = security!.map(({ bearerAuth }) => bearerAuth?.[0]);
      if (needed === undefined) {
        // Probes, metrics and the documentation.
        expect((await send({})).status).toBe(200);
        continue;
      }
      const without = await send({});
      expect([path, without.status]).toEqual([path, 401]);
      check(method, path, without);
      for (const [i, scope] of scopes.entries()) {
        const response = await send(bearer(tokens[i]!));
        if (scope === needed) {
          expect([401, 403]).not.toContain(response.status);
          continue;
        }
        expect([path, scope, response.status]).toEqual([path, scope, 403]);
        expect(response.headers['www-authenticate']).toBe(
          `${challenge}, error="insufficient_scope", scope="${needed}"`,
        );
        check(method, path, response);
      }
    }
    const audits = lines.filter(({ msg }) => msg === 'audit').map(({ audit }) => audit as Audit);
    expect(audits.map(({ method, path, status }) => [method.toLowerCase(), path, status])).toEqual(
      expected,
    );
    const logged = JSON.stringify(lines);
    expect(tokens.filter((token) => logged.includes(token.slice(-20)))).toEqual([]);
  });

  it('needs no token if public, but a token that is sent must be valid', async () => {
    const { app } = guarded({ publicScopes: ['offers:read'] });
    await request(app).get('/offers').expect(200);
    await request(app).get('/offers/offer1').expect(200);
    await request(app).get('/offers').set(bearer('garbage')).expect(401);
    await request(app).get('/orders?user_id=cristina').expect(401);
    await request(app).post('/checkout').send(wanted).expect(401);
    const offers = (await documentOf(app)).paths['/offers']!['get'];
    expect(offers?.security).toEqual([{}, { bearerAuth: ['offers:read'] }]);
  });

  it('is everything if tokens are not required', async () => {
    const { app } = aService();
    expect((await documentOf(app)).paths['/failed-orders']!['get']).not.toHaveProperty('security');
    await request(app).get('/failed-orders').expect(200);
  });
});

describe('orders', () => {
  const sign = (claims: Claims) => issuer.sign(claims).then(bearer);
  const user = 'orders:read orders:write';

  it('are made and read by their own user', async () => {
    const { app } = guarded();
    const headers = await sign({ scope: user });
    const made = await request(app).post('/checkout').set(headers).send(wanted).expect(201);
    const { id } = made.body as { id: string };
    await request(app).get(`/orders/${id}`).set(headers).expect(200);
    await request(app).get(`/orders/${id}/events`).set(headers).expect(200);
    await request(app).get('/orders?user_id=cristina').set(headers).expect(200);
  });

  it('are hidden from other users, even whether they exist', async () => {
    const { app, orders, lines } = guarded();
    const order = anOrder();
    await orders.insert(order, 60_000);
    const headers = await sign({ sub: 'mallory', scope: user });
    for (const path of ['', '/events']) {
      const hidden = await request(app)
        .get(`/orders/${order.id}${path}`)
        .set({ ...headers, Prefer: 'wait=5' })
        .expect(404);
      const missing = await request(app).get(`/orders/none${path}`).set(headers).expect(404);
      const text = (response: typeof hidden, id: string) => response.text.replaceAll(id, 'ID');
      expect(text(hidden, order.id)).toBe(text(missing, 'none'));
    }
    for (const response of [
      await request(app).get('/orders?user_id=cristina').set(headers),
      await request(app).post('/checkout').set(headers).send(wanted),
    ]) {
      expect(response.status).toBe(403);
      expect(response.headers['www-authenticate']).toBe(
        `${challenge}, error="insufficient_scope", scope="orders:admin"`,
      );
    }
    expect(lines).toContainEqual(
      expect.objectContaining({
        msg: 'audit',
        audit: expect.objectContaining({
          who: 'mallory',
          path: `/orders/${order.id}`,
          outcome: 'denied',
          status: 404,
        }) as unknown,
      }),
    );
    expect(await orders.listByUser('mallory', { limit: 1 })).toEqual([]);
  });

  it('are all visible to an administrator', async () => {
    const { app } = guarded();
    const headers = await sign({ sub: 'root', scope: `${user} orders:admin` });
    const body = { ...wanted, user_id: 'somebody' };
    const made = await request(app).post('/checkout').set(headers).send(body).expect(201);
    const { id } = made.body as { id: string };
    await request(app).get(`/orders/${id}`).set(headers).expect(200);
    await request(app).get('/orders?user_id=somebody').set(headers).expect(200);
  });

  it('have separate idempotency keys for each client', async () => {
    const { app } = guarded();
    const [root, somebody] = [
      await sign({ sub: 'root', scope: `${user} orders:admin` }),
      await sign({ sub: 'somebody-else', scope: user }),
    ];
    const body = { ...wanted, user_id: 'somebody-else' };
    const post = (headers: Record<string, string>) =>
      request(app).post('/checkout').set(headers).set('Idempotency-Key', 'k').send(body);
    const first = await post(root).expect(201);
    expect((await post(root).expect(201)).text).toBe(first.text);
    expect((await post(somebody).expect(201)).text).not.toBe(first.text);
  });
});

describe('the audit log', () => {
  it('has a line for each request that changes something, without its content', async () => {
    const { app, lines } = guarded();
    const token = await issuer.sign({ scope: 'orders:write' });
    const body = { ...wanted, email: 'cristina@example.com' };
    const headers = { ...bearer(token), 'X-Request-Id': 'r-1' };
    await request(app).post('/checkout').set(headers).send(body).expect(201);
    await request(app).post('/checkout').set(headers).send({}).expect(400);
    const line = {
      who: 'cristina',
      address: expect.stringMatching(/127\.0\.0\.1$/) as unknown,
      method: 'POST',
      path: '/checkout',
      requestId: 'r-1',
    };
    expect(auditsIn(lines)).toEqual([
      { ...line, outcome: 'done', status: 201 },
      { ...line, outcome: 'failed', status: 400, code: 'validation-failed' },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/example\.com|eyJ/);
  });

  it('has the address of a client that has disconnected', async () => {
    let decide: ((decision: Decision) => void) | undefined;
    const { app, lines } = aService({
      admission: createAdmission({ verifyToken: verifyToken() }),
      askForDecision: () => new Promise((resolve) => (decide = resolve)),
    });
    const server = await startApp(app);
    const sent = request(server.url)
      .post('/checkout')
      .set(bearer(await issuer.sign({ scope: 'orders:write' })))
      .send(wanted);
    sent.catch(() => undefined);
    await until(() => decide !== undefined);
    sent.abort();
    await until(() => auditsIn(lines).length === 1);
    expect(auditsIn(lines)).toMatchObject([
      { who: 'cristina', address: '127.0.0.1', outcome: 'aborted', status: null },
    ]);
    decide?.('APPROVED');
    await server.close();
  });

  it('has a line for a request that is refused for its length', async () => {
    const { app, lines } = guarded();
    await request(app)
      .get(`/${'x'.repeat(4096)}`)
      .expect(414);
    expect(auditsIn(lines)).toMatchObject([{ outcome: 'denied', status: 414 }]);
  });
});
