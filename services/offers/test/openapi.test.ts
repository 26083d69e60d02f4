import { createOpenApiCheck } from '@loan-buddy/kit/testing';
import type { Express } from 'express';
import request from 'supertest';
import { DatabaseUnavailableError } from '../src/db/unavailable';
import { fingerprintOf } from '../src/orders/idempotent-checkout';
import { UndecidedError } from '../src/orders/payment-client';
import { anOfferInFull, anOrder, aProvider, threeMocks, useService } from './builders';

const aService = useService();

const unavailable = () => Promise.reject(new DatabaseUnavailableError({}));
const retry = (app: Express, id: string) => request(app).post(`/failed-orders/${id}/retry`);

const wanted = { user_id: 'cristina', loan_id: 'offer2' };

describe('the published OpenAPI document', () => {
  it('describes what every route answers', async () => {
    const { app, orders, notification } = aService();
    const { body: document } = await request(app).get('/openapi.json').expect(200);
    const check = createOpenApiCheck(document as object);

    const faults = { fault: 'error' } as const;
    const broken = aService({
      providers: threeMocks({ ProviderA: faults, ProviderB: faults, ProviderC: faults }),
    }).app;
    const undecided = aService({
      askForDecision: () => Promise.reject(new UndecidedError('x')),
    }).app;

    check('GET', '/offers', await request(app).get('/offers').expect(200));
    const query = '/offers?amount=9000&term_months=12&sort=apr&order=desc&limit=2';
    const listed = await request(app).get(query).expect(200);
    check('GET', '/offers', listed);
    const unchanged = request(app).get(query).set('If-None-Match', listed.headers['etag']!);
    check('GET', '/offers', await unchanged.expect(304));
    const doubtful = aProvider({
      fetchOffers: () => Promise.resolve({ offers: [anOfferInFull()], unread: 1, isStale: true }),
    });
    const odd = aService({ providers: [doubtful, ...threeMocks({ ProviderA: faults })] }).app;
    check('GET', '/offers', await request(odd).get('/offers').expect(200));
    check('GET', '/offers', await request(app).get('/offers?colour=red').expect(400));
    check('GET', '/offers', await request(broken).get('/offers').expect(503));
    check('GET', '/offers/{id}', await request(app).get('/offers/offer1').expect(200));
    check('GET', '/offers/{id}', await request(app).get('/offers/x').expect(404));
    check('GET', '/offers/{id}', await request(app).get('/offers/x?amount=0').expect(400));
    check('GET', '/offers/{id}', await request(broken).get('/offers/offer1').expect(503));

    const created = await request(app).post('/checkout').send(wanted).expect(201);
    check('POST', '/checkout', created);
    check('POST', '/checkout', await request(undecided).post('/checkout').send(wanted).expect(202));
    check('POST', '/checkout', await request(app).post('/checkout').send({}).expect(400));
    check('POST', '/checkout', await request(app).post('/checkout').send('x').expect(415));
    check('POST', '/checkout', await request(broken).post('/checkout').send(wanted).expect(503));
    check(
      'POST',
      '/checkout',
      await request(app)
        .post('/checkout')
        .send({ ...wanted, loan_id: 'x' })
        .expect(422),
    );
    check(
      'POST',
      '/checkout',
      await request(app)
        .post('/checkout')
        .send({ a: 'x'.repeat(200_000) })
        .expect(413),
    );

    const waiting = (path: string) => request(app).get(path).set('Prefer', 'wait=1').expect(200);
    const keyed = (key: string, body: object) =>
      request(app).post('/checkout').set('Idempotency-Key', key).send(body);
    await keyed('k', wanted);
    check('POST', '/checkout', await keyed('k', wanted).expect(201));
    check('POST', '/checkout', await keyed('k', { ...wanted, loan_id: 'offer1' }).expect(422));
    check('POST', '/checkout', await keyed('', wanted).expect(400));
    await orders.insert(anOrder(), 60_000, {
      client: 'cristina',
      key: 'early',
      fingerprint: fingerprintOf({ userId: 'cristina', loanId: 'offer2' }),
      ttlMs: 60_000,
      inFlightMs: 60_000,
    });
    check('POST', '/checkout', await keyed('early', wanted).expect(409));
    const gone = aService({
      orders: { insert: unavailable, find: unavailable, listByUser: unavailable },
    }).app;
    check('POST', '/checkout', await request(gone).post('/checkout').send(wanted).expect(503));
    check('GET', '/orders/{id}', await request(gone).get('/orders/x').expect(503));
    check('GET', '/orders', await request(gone).get('/orders?user_id=x').expect(503));
    check('GET', '/orders', await request(app).get('/orders?user_id=cristina&limit=1').expect(200));
    check('GET', '/orders', await request(app).get('/orders').expect(400));

    const { id } = created.body as { id: string };
    check('POST', '/failed-orders/{id}/retry', await retry(app, id).expect(409));
    const failing = anOrder();
    await orders.insert(failing, 60_000);
    await orders.recordFailure(failing.id, { reason: 'x', dueInMs: 1, maxAttempts: 1 });
    check('GET', '/failed-orders', await request(app).get('/failed-orders').expect(200));
    check('POST', '/failed-orders/{id}/retry', await retry(app, failing.id).expect(202));
    const all = await request(app).post('/failed-orders/retry').expect(202);
    check('POST', '/failed-orders/retry', all);

    const hooks = '/webhook-endpoints';
    const hook = { url: 'https://example.com/hooks' };
    const made = await request(app).post(hooks).send(hook).expect(201);
    check('POST', hooks, made);
    check('POST', hooks, await request(app).post(hooks).send({}).expect(400));
    check('GET', hooks, await request(app).get(hooks).expect(200));
    const one = made.headers['location']!;
    const missing = one.replace(/\w{12}$/, '000000000000');
    const { id: madeId } = made.body as { id: string };
    await request(app).post('/checkout').send(wanted).expect(201);
    const [delivery] = await notification.deliveries.list(madeId, { limit: 1 });
    const replay = `deliveries/${delivery!.id}/replay`;
    const template = `${hooks}/{id}`;
    for (const [method, suffix, path, status] of [
      ['get', '', '', 200],
      ['post', '/rotate-secret', '/rotate-secret', 200],
      ['post', '/test', '/test', 202],
      ['get', '/deliveries', '/deliveries?limit=1', 200],
      ['post', '/deliveries/{delivery_id}/replay', `/${replay}`, 202],
    ] as const) {
      const ask = (base: string) => request(app)[method](base + path);
      check(method, template + suffix, await ask(one).expect(status));
      check(method, template + suffix, await ask(missing).expect(404));
    }
    const change = (path: string, body: object) => request(app).patch(path).send(body);
    check('PATCH', template, await change(one, { url: 'x' }).expect(400));
    check('PATCH', template, await change(one, { enabled: false }).expect(200));
    check('PATCH', template, await change(missing, {}).expect(404));
    const test = `${template}/test`;
    check('POST', test, await request(app).post(`${one}/test`).expect(409));
    const again = `${template}/deliveries/{delivery_id}/replay`;
    check('POST', again, await request(app).post(`${one}/${replay}`).expect(409));
    check('DELETE', template, await request(app).delete(one).expect(204));
    check('DELETE', template, await request(app).delete(one).expect(404));

    const location = created.headers['location']!;
    check('GET', '/orders/{id}', await request(app).get(location).expect(200));
    check('GET', '/orders/{id}', await waiting(location));
    const asynchronous = request(app).post('/checkout').set('Prefer', 'respond-async');
    check('POST', '/checkout', await asynchronous.send(wanted).expect(202));
    const events = '/orders/{id}/events';
    const stream = await request(app).get(`${location}/events`).expect(200);
    check('GET', events, { status: 200, headers: stream.headers, body: stream.text });
    check('GET', events, await request(app).get('/orders/x/events').expect(404));
    check('GET', '/orders/{id}', await request(app).get('/orders/x').expect(404));
    for (const path of ['/health', '/livez', '/readyz']) {
      check('GET', path, await request(app).get(path).expect(200));
    }
    const { status, headers, text } = await request(app).get('/metrics').expect(200);
    check('GET', '/metrics', { status, headers, body: text });
  });

  it('announces what endpoints are sent', async () => {
    const { body: document } = await request(aService().app).get('/openapi.json');
    expect(Object.keys((document as { webhooks: object }).webhooks)).toEqual([
      'com.loanbuddy.order.approved',
      'com.loanbuddy.order.rejected',
      'com.loanbuddy.order.failed',
      'com.loanbuddy.webhook.test',
    ]);
  });

  it('is checked for real: an answer it does not describe is found', async () => {
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
    }).toThrow(/not documented to carry Location/);
  });
});
