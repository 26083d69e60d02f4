import { createOpenApiCheck } from '@loan-buddy/kit/testing';
import request from 'supertest';
import { UndecidedError } from '../src/orders/payment-client';
import { useService, threeMocks } from './builders';

const aService = useService();

const wanted = { user_id: 'cristina', loan_id: 'offer2' };

describe('the published OpenAPI document', () => {
  it('describes what every route answers', async () => {
    const { app } = aService();
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
    check('GET', '/offers', await request(broken).get('/offers').expect(503));
    check('GET', '/offers/{id}', await request(app).get('/offers/offer1').expect(200));
    check('GET', '/offers/{id}', await request(app).get('/offers/x').expect(404));
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

    const location = created.headers['location']!;
    check('GET', '/orders/{id}', await request(app).get(location).expect(200));
    check('GET', '/orders/{id}', await request(app).get('/orders/x').expect(404));
    for (const path of ['/health', '/livez', '/readyz']) {
      check('GET', path, await request(app).get(path).expect(200));
    }
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
