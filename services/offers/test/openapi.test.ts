// Long, because each route has a test, and together they must cover every documented response.
import { createAdmission } from '@loan-buddy/kit/admission';
import { createRateLimiter } from '../src/admission/rate-limiter';
import { createOpenApiCheck, recordingLogger, type OpenApiCheck } from '@loan-buddy/kit/testing';
import request, { type Test } from 'supertest';
import { DatabaseUnavailableError } from '../src/db/unavailable';
import { fingerprintOf } from '../src/orders/idempotent-checkout';
import { UndecidedError } from '../src/approval/payment-client';
import { anOfferInFull, anOrder, aProvider } from './builders';
import { threeMocks, useService } from './service';

const aService = useService();

const unavailable = () => Promise.reject(new DatabaseUnavailableError({}));
const faults = { fault: 'error' } as const;
const allFail = { ProviderA: faults, ProviderB: faults, ProviderC: faults };

/** A service whose providers all fail. */
const broken = () => aService({ providers: threeMocks(allFail) }).app;

/** A service whose database is unavailable. */
const cutOff = () =>
  aService({ orders: { insert: unavailable, find: unavailable, listByUser: unavailable } }).app;

/** The parts of the document that these tests use. */
interface Described {
  tags: { name: string }[];
  paths: Record<
    string,
    Record<string, { tags?: string[]; parameters: { name: string; schema: object }[] }>
  >;
}

const wanted = { user_id: 'cristina', loan_id: 'offer2' };

async function anOrderThatFailed() {
  const { orders } = aService();
  const order = anOrder();
  await orders.insert(order, 60_000);
  await orders.recordFailure(order.id, { reason: 'x', dueInMs: 1, maxAttempts: 1 });
  return order;
}

describe('the published OpenAPI document', () => {
  let check: OpenApiCheck;
  beforeAll(async () => {
    const { body: document } = await request(aService().app).get('/openapi.json').expect(200);
    check = createOpenApiCheck(document as object);
  });

  /** Sends a request, and checks the response's status and its description in the document under `GET /path`. */
  async function expectDescribed(operation: string, sending: Test, status: number) {
    const response = await sending.expect(status);
    const [method, path] = operation.split(' ') as [string, string];
    const { headers, type, text } = response;
    const body: unknown = /[/+]json$/.test(type) ? response.body : text;
    check(method, path, { status, headers, body });
    return response;
  }

  it('describes the list of offers', async () => {
    const { app } = aService();
    const list = (sending: Test, status: number) => expectDescribed('GET /offers', sending, status);
    await list(request(app).get('/offers'), 200);
    const query = '/offers?amount=9000&term_months=12&sort=apr&order=desc&limit=2';
    const { headers } = await list(request(app).get(query), 200);
    await list(request(app).get(query).set('If-None-Match', headers['etag']!), 304);
    const doubtful = aProvider({
      fetchOffers: () => Promise.resolve({ offers: [anOfferInFull()], unread: 1, isStale: true }),
    });
    const odd = aService({ providers: [doubtful, ...threeMocks({ ProviderA: faults })] }).app;
    await list(request(odd).get('/offers'), 200);
    await list(request(app).get('/offers?colour=red'), 400);
    await list(request(broken()).get('/offers'), 503);
  });

  it('describes one offer', async () => {
    const { app } = aService();
    const one = (sending: Test, status: number) =>
      expectDescribed('GET /offers/{id}', sending, status);
    await one(request(app).get('/offers/offer1'), 200);
    await one(request(app).get('/offers/x'), 404);
    await one(request(app).get('/offers/x?amount=0'), 400);
    await one(request(broken()).get('/offers/offer1'), 503);
  });

  it('describes the checkout', async () => {
    const { app } = aService();
    const { app: undecided } = aService({
      askForDecision: () => Promise.reject(new UndecidedError('x')),
    });
    const checkout = (sending: Test, status: number) =>
      expectDescribed('POST /checkout', sending, status);
    const post = (to: typeof app = app) => request(to).post('/checkout');
    await checkout(post().send(wanted), 201);
    await checkout(post().set('Prefer', 'respond-async').send(wanted), 202);
    await checkout(post(undecided).send(wanted), 202);
    await checkout(post().send({}), 400);
    await checkout(post().send('x'), 415);
    await checkout(post().send({ ...wanted, loan_id: 'x' }), 422);
    await checkout(post().send({ a: 'x'.repeat(200_000) }), 413);
    await checkout(post(broken()).send(wanted), 503);
    await checkout(post(cutOff()).send(wanted), 503);
  });

  it('describes the checkout with an Idempotency-Key', async () => {
    const { app, orders } = aService();
    const keyed = (key: string, body: object, status: number) =>
      expectDescribed(
        'POST /checkout',
        request(app).post('/checkout').set('Idempotency-Key', key).send(body),
        status,
      );
    await keyed('k', wanted, 201);
    await keyed('k', wanted, 201);
    await keyed('k', { ...wanted, loan_id: 'offer1' }, 422);
    await keyed('', wanted, 400);
    await orders.insert(anOrder(), 60_000, {
      client: 'cristina',
      key: 'early',
      fingerprint: fingerprintOf({ userId: 'cristina', loanId: 'offer2' }),
      ttlMs: 60_000,
      inFlightMs: 60_000,
    });
    await keyed('early', wanted, 409);
  });

  it('describes the orders of a user, and one of them', async () => {
    const { app } = aService();
    const { headers } = await request(app).post('/checkout').send(wanted).expect(201);
    await request(app).post('/checkout').send(wanted).expect(201);
    const list = (sending: Test, status: number) => expectDescribed('GET /orders', sending, status);
    const { headers: listed } = await list(
      request(app).get('/orders?user_id=cristina&limit=1'),
      200,
    );
    expect(listed).toHaveProperty('link');
    await list(request(app).get('/orders'), 400);
    await list(request(cutOff()).get('/orders?user_id=x'), 503);

    const location = headers['location']!;
    const one = (sending: Test, status: number) =>
      expectDescribed('GET /orders/{id}', sending, status);
    await one(request(app).get(location), 200);
    await one(request(app).get(location).set('Prefer', 'wait=1'), 200);
    await one(request(app).get('/orders/x'), 404);
    await one(request(cutOff()).get('/orders/x'), 503);
  });

  it('describes the events of an order', async () => {
    const { app } = aService();
    const { headers } = await request(app).post('/checkout').send(wanted).expect(201);
    const events = (sending: Test, status: number) =>
      expectDescribed('GET /orders/{id}/events', sending, status);
    const path = `${headers['location']!}/events`;
    const { text } = await events(request(app).get(path), 200);
    const lastId = [...text.matchAll(/^id: (\d+)$/gm)].at(-1)![1]!;
    await events(request(app).get(path).set('Last-Event-ID', lastId), 204);
    await events(request(app).get('/orders/x/events'), 404);
  });

  it('describes the failed orders', async () => {
    const { app } = aService();
    const { id } = await anOrderThatFailed();
    await expectDescribed('GET /failed-orders', request(app).get('/failed-orders'), 200);
    const retry = () => request(app).post(`/failed-orders/${id}/retry`);
    await expectDescribed('POST /failed-orders/{id}/retry', retry(), 202);
    await expectDescribed('POST /failed-orders/{id}/retry', retry(), 409);
    const all = request(app).post('/failed-orders/retry');
    await expectDescribed('POST /failed-orders/retry', all, 202);
  });

  it('describes the export of events', async () => {
    const { app } = aService();
    const get = (query: string) => request(app).get(`/events${query}`).buffer(true);
    await expectDescribed('GET /events', get('?limit=1&since=2025-01-01'), 200);
    await expectDescribed('GET /events', get('?format=csv'), 200);
    await expectDescribed('GET /events', get('?after=1'), 400);
  });

  it('describes the erasure of a user', async () => {
    const { app } = aService();
    const erase = (body: object) => request(app).post('/erasures').send(body);
    await expectDescribed('POST /erasures', erase({ user_id: 'x' }), 200);
    await expectDescribed('POST /erasures', erase({}), 400);
  });

  it('describes the webhook receivers and their deliveries', async () => {
    const { app, webhooks } = aService();
    const base = '/webhook-endpoints';
    const create = (body: object) => request(app).post(base).send(body);
    const made = await expectDescribed(
      `POST ${base}`,
      create({ url: 'https://example.com/hooks' }),
      201,
    );
    await expectDescribed(`POST ${base}`, create({}), 400);
    await expectDescribed(`GET ${base}`, request(app).get(base), 200);

    const one = made.headers['location']!;
    const missing = one.replace(/\w{12}$/, '000000000000');
    await request(app).post('/checkout').send(wanted).expect(201);
    const { id } = made.body as { id: string };
    const [delivery] = await webhooks.deliveries.list(id, { limit: 1 });
    const replay = `/deliveries/${delivery!.id}/replay`;
    const template = `${base}/{id}`;
    for (const [method, suffix, path, status] of [
      ['get', '', '', 200],
      ['post', '/rotate-secret', '/rotate-secret', 200],
      ['post', '/test', '/test', 202],
      ['get', '/deliveries', '/deliveries?limit=1', 200],
      ['post', '/deliveries/{delivery_id}/replay', replay, 202],
    ] as const) {
      const operation = `${method.toUpperCase()} ${template}${suffix}`;
      await expectDescribed(operation, request(app)[method](one + path), status);
      await expectDescribed(operation, request(app)[method](missing + path), 404);
    }

    const change = (path: string, body: object) => request(app).patch(path).send(body);
    await expectDescribed(`PATCH ${template}`, change(one, { url: 'x' }), 400);
    await expectDescribed(`PATCH ${template}`, change(missing, {}), 404);
    await expectDescribed(`PATCH ${template}`, change(one, { enabled: false }), 200);
    const whileDisabled = { '/test': '/test', '/deliveries/{delivery_id}/replay': replay };
    for (const [suffix, path] of Object.entries(whileDisabled)) {
      await expectDescribed(`POST ${template}${suffix}`, request(app).post(one + path), 409);
    }
    await expectDescribed(`DELETE ${template}`, request(app).delete(one), 204);
    await expectDescribed(`DELETE ${template}`, request(app).delete(one), 404);
  });

  it('describes the probes and the metrics', async () => {
    const { app } = aService();
    for (const path of ['/health', '/livez', '/readyz', '/metrics']) {
      await expectDescribed(`GET ${path}`, request(app).get(path), 200);
    }
  });

  it('describes the endpoints of the documentation', async () => {
    const { app } = aService();
    for (const path of ['/', '/openapi.json', '/docs']) {
      await expectDescribed(`GET ${path}`, request(app).get(path), 200);
    }
    for (const path of ['/', '/openapi.json', '/docs']) {
      const get = () => request(app).get(path).set('Accept', 'text/html');
      const { headers } = await expectDescribed(`GET ${path}`, get(), 200);
      await expectDescribed(`GET ${path}`, get().set('If-None-Match', headers['etag']!), 304);
    }
  });

  it('describes the redirect of a browser to the documentation, without the page', async () => {
    const { app } = aService({ PAGE: 'off' });
    const { body: document } = await request(app).get('/openapi.json').expect(200);
    const { headers } = await request(app).get('/').set('Accept', 'text/html').expect(303);
    createOpenApiCheck(document as object)('GET', '/', { status: 303, headers, body: '' });
  });

  it('describes the quota headers and the 429 response', async () => {
    const quota = { limit: 1, windowS: 3600, exact: false };
    const limiter = createRateLimiter({
      quotas: { reads: { ...quota, name: 'reads' }, writes: { ...quota, name: 'writes' } },
      logger: recordingLogger().logger,
    });
    const { app } = aService({ admission: createAdmission({ limiter }) });
    for (const status of [200, 429]) {
      const { headers } = await expectDescribed('GET /offers', request(app).get('/offers'), status);
      expect(headers).toHaveProperty('ratelimit');
    }
    for (const status of [201, 429]) {
      const checkout = request(app).post('/checkout').send(wanted);
      await expectDescribed('POST /checkout', checkout, status);
    }
    const { app: full } = aService({ admission: createAdmission({ maxConcurrent: 0 }) });
    await expectDescribed('GET /offers', request(full).get('/offers'), 503);
  });

  it('describes errors from before the endpoint', async () => {
    const { app } = aService();
    await expectDescribed('GET /offers', request(app).put('/offers'), 405);
    await expectDescribed('GET /offers', request(app).get(`/offers?${'x'.repeat(5000)}`), 414);
  });

  it('is checked above for every route it describes', () => {
    expect(check.unchecked()).toEqual([]);
  });

  it('declares whole-number parameters as integers, with their limits', async () => {
    const { body: document } = await request(aService().app).get('/openapi.json');
    const typeOf = (path: string, name: string) =>
      (document as Described).paths[path]!['get']!.parameters.find((each) => each.name === name);
    expect(typeOf('/offers', 'term_months')).toMatchObject({
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 600 },
    });
    expect(typeOf('/offers', 'limit')?.schema).toMatchObject({ type: 'integer', maximum: 1000 });
    expect(typeOf('/offers', 'amount')?.schema).toMatchObject({ type: 'number', minimum: 1 });
    expect(typeOf('/orders', 'limit')?.schema).toMatchObject({ type: 'integer', default: 20 });
  });

  it('puts every operation in a group that it describes', async () => {
    const { body: document } = await request(aService().app).get('/openapi.json');
    const { paths, tags } = document as Described;
    const used = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map((operation) => operation.tags),
    );
    const groups = tags.map(({ name }) => name);
    expect(new Set(used.flat())).toEqual(new Set(groups));
    expect(used.filter((each) => each?.length !== 1)).toEqual([]);
    expect(groups).toEqual([
      ...['Offers', 'Checkout and orders', 'Failed orders', 'Webhooks'],
      ...['Health and metrics', 'Documentation'],
    ]);
  });

  it('mentions tokens only if they are required', async () => {
    const { text } = await request(aService().app).get('/openapi.json');
    expect(text).not.toMatch(/"security"|securitySchemes|token-missing/);
    const verifyToken = () => Promise.reject(new Error('not called'));
    const { app } = aService({ admission: createAdmission({ verifyToken }) });
    const { body: document } = await request(app).get('/openapi.json');
    expect(document).toMatchObject({
      components: { securitySchemes: { bearerAuth: { scheme: 'bearer' } } },
      paths: {
        '/checkout': {
          post: { security: [{ bearerAuth: ['orders:write'] }], responses: { 401: {} } },
        },
        '/docs': { get: { security: [] } },
      },
    });
  });

  it('describes the webhook messages', async () => {
    const { body: document } = await request(aService().app).get('/openapi.json');
    expect(Object.keys((document as { webhooks: object }).webhooks)).toEqual([
      'com.loanbuddy.order.approved',
      'com.loanbuddy.order.rejected',
      'com.loanbuddy.order.failed',
      'com.loanbuddy.webhook.test',
    ]);
  });

  it('is really checked: an undescribed response fails', async () => {
    const { body: document } = await request(aService().app).get('/openapi.json');
    const check = createOpenApiCheck(document as object);
    const headers = { 'content-type': 'application/json' };
    expect(() => {
      check('GET', '/offers', { status: 200, headers, body: [{ id: 'x' }] });
    }).toThrow(/must have required property/);
    expect(() => {
      check('GET', '/offers', { status: 418, headers, body: [] });
    }).toThrow(/not documented/);
    expect(() => {
      const located = { ...headers, location: '/x' };
      check('GET', '/offers', { status: 200, headers: located, body: [] });
    }).toThrow(/undocumented headers: location/);
  });
});
