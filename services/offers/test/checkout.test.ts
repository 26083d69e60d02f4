import { serveContext } from '@loan-buddy/kit/server';
import { until } from '@loan-buddy/kit/testing';
import request from 'supertest';
import { readConfig } from '../src/config';
import { UndecidedError, type AskForDecision } from '../src/approval/payment-client';
import { sql } from 'kysely';
import { DatabaseUnavailableError } from '../src/db/unavailable';
import { anOrder } from './builders';
import { useService, threeMocks } from './service';
import { useDatabase, withoutServer } from './database';

const database = useDatabase();
const aService = useService(database);

const wanted = { user_id: 'cristina', loan_id: 'offer2' };

describe('POST /checkout', () => {
  it.each(['APPROVED', 'REJECTED'] as const)(
    'returns 201 with the order once it is %s',
    async (status) => {
      const { app, orders } = aService({ askForDecision: () => Promise.resolve(status) });
      const response = await request(app).post('/checkout').send(wanted).expect(201);
      const body = response.body as { id: string };
      expect(Object.keys(body).slice(0, 5)).toEqual([
        'id',
        'user_id',
        'loan_id',
        'status',
        'created_at',
      ]);
      expect(body).toEqual({
        id: expect.stringMatching(/^order-[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/) as string,
        user_id: 'cristina',
        loan_id: 'offer2',
        status,
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
        provider: 'ProviderB',
        rate: 2.9,
        amount: 12_000,
      });
      expect(response.headers['location']).toBe(`/orders/${body.id}`);
      expect(await orders.find(body.id)).toMatchObject({ status });
    },
  );

  it('asks for the decision with the stored order and the request id', async () => {
    const seen: unknown[] = [];
    const askForDecision: AskForDecision = async (order, context) => {
      seen.push(order.offer.amount, context, await service.orders.find(order.id));
      return 'APPROVED';
    };
    const service = aService({ askForDecision });
    await request(service.app).post('/checkout').set('X-Request-Id', 'r-1').send(wanted);
    expect(seen).toEqual([
      12_000,
      { requestId: 'r-1' },
      expect.objectContaining({ status: 'PENDING' }),
    ]);
  });

  it('returns 202 and PENDING without a decision, and keeps the order', async () => {
    const { app, lines } = aService({
      askForDecision: () => Promise.reject(new UndecidedError('no answer')),
    });
    const response = await request(app).post('/checkout').send(wanted).expect(202);
    expect(response.headers['retry-after']).toBe('1');
    expect(response.body).toMatchObject({ status: 'PENDING' });
    const kept = await request(app).get(response.headers['location']!).expect(200);
    expect(kept.body).toEqual(response.body);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'order stays pending' }),
    );
  });

  it('returns 201 with the time of the checkout, whatever is read back', async () => {
    const decide = () => Promise.resolve(anOrder({ status: 'APPROVED', createdAt: new Date(NaN) }));
    const { app } = aService({ orders: { decide } });
    const { body } = await request(app).post('/checkout').send(wanted).expect(201);
    expect(body).toMatchObject({ status: 'APPROVED', user_id: 'cristina' });
  });

  it('says where the order is if storing it may have failed', async () => {
    const insert = () => Promise.reject(new DatabaseUnavailableError({}));
    const { app } = aService({ orders: { insert } });
    const response = await request(app).post('/checkout').send(wanted).expect(503);
    const { order_id: orderId } = response.body as { order_id: string };
    expect(response.body).toMatchObject({ code: 'database-unavailable' });
    expect(response.headers['location']).toBe(`/orders/${orderId}`);
  });

  it('says where the order is if a replay cannot read it', async () => {
    const find = jest.fn().mockRejectedValue(new RangeError('Invalid time value'));
    const { app, idempotency } = aService({ orders: { find } });
    const claim = jest.spyOn(idempotency, 'complete').mockRejectedValue(new Error('lost'));
    const buy = () => request(app).post('/checkout').set('Idempotency-Key', 'k-1').send(wanted);
    const first = await buy().expect(201);
    await sql`update idempotency_keys set in_flight_until = now() where key = 'k-1'`.execute(
      database().db,
    );
    const second = await buy().expect(500);
    expect(claim).toHaveBeenCalledTimes(1);
    expect(second.headers['location']).toBe(first.headers['location']);
    expect(second.body).toMatchObject({ order_id: (first.body as { id: string }).id });
  });

  it('creates a new order for every call', async () => {
    const { app } = aService();
    const [first, second] = await Promise.all(
      [1, 2].map(() => request(app).post('/checkout').send(wanted)),
    );
    expect((first!.body as { id: string }).id).not.toBe((second!.body as { id: string }).id);
  });

  it.each([
    [{ ...wanted, user_id: '' }, '#/user_id'],
    [{ ...wanted, user_id: 'x'.repeat(129) }, '#/user_id'],
    [{ ...wanted, user_id: 'a\u0000b' }, '#/user_id'],
    [{ ...wanted, user_id: '\ud800' }, '#/user_id'],
    [{ ...wanted, user_id: ['cristina'] }, '#/user_id'],
    [{ ...wanted, loan_id: '' }, '#/loan_id'],
    [{ ...wanted, loan_id: 2 }, '#/loan_id'],
    [{ user_id: 'cristina' }, '#/loan_id'],
  ])('refuses %j and points at the error', async (body, pointer) => {
    const response = await request(aService().app).post('/checkout').send(body).expect(400);
    expect(response.body).toMatchObject({ code: 'validation-failed', errors: [{ pointer }] });
  });

  it('accepts the amount and term that the offer was listed for', async () => {
    const { app, orders } = aService();
    const body = { ...wanted, amount: 10_500.29, term_months: 36 };
    const { body: order } = await request(app).post('/checkout').send(body).expect(201);
    expect(order).toMatchObject({
      loan_id: 'offer2',
      rate: 2.9,
      amount: 10_500.29,
      term_months: 36,
    });
    const { id } = order as { id: string };
    expect((await orders.find(id))?.offer).toMatchObject({ amount: 10_500.29, termMonths: 36 });
    const read = await request(app).get(`/orders/${id}`).expect(200);
    expect(read.body).toEqual(order);
  });

  it.each([
    [{ amount: 12_001 }, 422],
    [{ amount: 0 }, 400],
    [{ amount: '10000' }, 400],
    [{ amount: 100.001 }, 400],
    [{ term_months: 0.5 }, 400],
  ])('refuses %j', async (more, status) => {
    await request(aService().app)
      .post('/checkout')
      .send({ ...wanted, ...more })
      .expect(status);
  });

  it('returns 422 for an unknown loan, and names the field', async () => {
    const response = await request(aService().app)
      .post('/checkout')
      .send({ ...wanted, loan_id: 'offer9' })
      .expect(422);
    expect(response.body).toMatchObject({
      code: 'unknown-loan',
      errors: [{ pointer: '#/loan_id' }],
    });
  });

  it('returns 503 while the provider of the loan does not respond', async () => {
    const { app, lines } = aService({ providers: threeMocks({ ProviderB: { fault: 'error' } }) });
    const { body } = await request(app).post('/checkout').send(wanted).expect(503);
    expect(body).toMatchObject({ code: 'provider-unavailable' });
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', provider: 'ProviderB', reason: 'error' }),
    );
  });

  it('returns where the order is, even if a fault of ours follows', async () => {
    const { app, lines } = aService({
      askForDecision: () => Promise.reject(new Error('a fault of ours')),
    });
    const { body, headers } = await request(app).post('/checkout').send(wanted).expect(202);
    expect((await request(app).get(headers['location']!).expect(200)).body).toEqual(body);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'error', msg: 'order stays pending' }),
    );
  });
});

describe('a stop while a batch is being written', () => {
  it('finishes its checkouts, and the ones that wait for the next batch', async () => {
    // Without `close`: that is called after the last test.
    const { app, orders, lines, logger, lifecycle, start, stop } = aService();
    const config = { ...readConfig({ HOST: '127.0.0.1', PORT: '0' }), SHUTDOWN_DELAY_MS: 0 };
    const running = await serveContext({ logger, lifecycle, start, stop }, () => app, config);
    const { port } = lines.find(({ msg }) => msg === 'listening') as unknown as { port: number };
    const inserts = jest.spyOn(orders, 'insert');
    // A key cannot be looked up on the embedded database, whose only session is busy.
    const hasKey = (i: number) => withoutServer === undefined && i % 2 === 0;
    let responses: Promise<request.Response[]>;
    let stopped: Promise<unknown>;
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await sql`lock table orders in exclusive mode`.execute(trx);
        responses = Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            request(`http://127.0.0.1:${String(port)}`)
              .post('/checkout')
              .set(hasKey(i) ? { 'Idempotency-Key': `stop ${String(i)}` } : {})
              .send(wanted),
          ),
        );
        await until(() => inserts.mock.calls.length === 20);
        stopped = running.close();
      });
    for (const { status, body, headers } of await responses!) {
      expect([status, body]).toEqual([201, expect.objectContaining({ status: 'APPROVED' })]);
      expect(await orders.find((body as { id: string }).id)).toMatchObject({ status: 'APPROVED' });
      expect(headers['connection']).toBe('close');
    }
    await stopped!;
  });
});

describe('GET /orders/{id}', () => {
  it('returns 404 if there is none', async () => {
    const response = await request(aService().app).get('/orders/order-0').expect(404);
    expect(response.body).toMatchObject({ code: 'order-not-found' });
  });
});
