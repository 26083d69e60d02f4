import { until } from '@loan-buddy/kit/testing';
import request from 'supertest';
import { v7 as uuidv7 } from 'uuid';
import { DatabaseUnavailableError } from '../src/db/unavailable';
import { fingerprintOf } from '../src/orders/idempotent-checkout';
import { UndecidedError } from '../src/approval/payment-client';
import { anOrder } from './builders';
import { useService } from './service';

const aService = useService();

const wanted = () => ({ user_id: `user-${uuidv7()}`, loan_id: 'offer2' });
const failure = { reason: 'no answer', dueInMs: 1, maxAttempts: 1 };
const unavailable = () => Promise.reject(new DatabaseUnavailableError({}));

describe('POST /checkout with an Idempotency-Key', () => {
  const post = (app: ReturnType<typeof aService>['app'], key: string, body: object) =>
    request(app).post('/checkout').set('Idempotency-Key', key).send(body);

  it('returns the same response again, byte for byte, and creates no second order', async () => {
    const { app, orders } = aService();
    const body = wanted();
    const first = await post(app, '"a key"', body).expect(201);
    expect(first.headers).not.toHaveProperty('idempotent-replayed');
    const second = await post(app, '"a key"', body).expect(201);
    expect(second.text).toBe(first.text);
    expect(second.headers).toMatchObject({
      location: first.headers['location'],
      'idempotent-replayed': 'true',
    });
    expect(await orders.listByUser(body.user_id, { limit: 10 })).toHaveLength(1);
  });

  it('returns 202 again, even if the order has been decided', async () => {
    const undecided = aService({ askForDecision: () => Promise.reject(new UndecidedError('x')) });
    const body = wanted();
    const first = await post(undecided.app, 'k', body).expect(202);
    await undecided.orders.decide((first.body as { id: string }).id, 'APPROVED');
    const second = await post(undecided.app, 'k', body).expect(202);
    expect([second.text, second.headers['retry-after']]).toEqual([first.text, '1']);
  });

  it.each([
    ['"k"', 'k'],
    ['k', '"k"'],
    [String.raw`"a\"b\\c"`, String.raw`"a\"b\\c"`],
    ['x'.repeat(255), `"${'x'.repeat(255)}"`],
  ])('treats %s and %s as the same key', async (one, other) => {
    const { app } = aService();
    const body = wanted();
    await post(app, one, body).expect(201);
    const second = await post(app, other, body).expect(201);
    expect(second.headers['idempotent-replayed']).toBe('true');
  });

  it.each(['""', '"', '"a', 'a"b"', String.raw`"a\b"`, 'x'.repeat(256), 'ü', '"ü"'])(
    'refuses %s and names the header',
    async (key) => {
      const response = await post(aService().app, key, wanted()).expect(400);
      expect(response.body).toMatchObject({
        code: 'validation-failed',
        errors: [{ header: 'Idempotency-Key' }],
      });
    },
  );

  it('refuses two keys', async () => {
    const { app } = aService();
    const two = request(app)
      .post('/checkout')
      .set('Idempotency-Key', ['a', 'b'] as never);
    await two.send(wanted()).expect(400);
  });

  it('returns 422 if the key was used with another body', async () => {
    const { app } = aService();
    const body = wanted();
    await post(app, 'k', body).expect(201);
    for (const other of [{ loan_id: 'offer1' }, { amount: 12_000 }, { term_months: 12 }]) {
      const response = await post(app, 'k', { ...body, ...other }).expect(422);
      expect(response.body).toMatchObject({ code: 'idempotency-key-reused' });
    }
  });

  it('returns 409 while the first is in progress, and then its response', async () => {
    let decide: ((decision: 'REJECTED') => void) | undefined;
    const { app } = aService({
      askForDecision: () => new Promise((settle) => (decide = settle)),
    });
    const body = wanted();
    const first = post(app, 'k', body).then((response) => response);
    await until(() => decide !== undefined);
    const second = await post(app, 'k', body).expect(409);
    expect(second.body).toMatchObject({ code: 'request-in-flight' });
    expect(second.headers['retry-after']).toBe('1');
    decide!('REJECTED');
    expect((await first).status).toBe(201);
    expect((await post(app, 'k', body).expect(201)).text).toBe((await first).text);
  });

  it('responds from the order once the first request must have died', async () => {
    const { app, orders } = aService();
    for (const [change, status] of [
      [(id: string) => orders.decide(id, 'APPROVED'), 201],
      [(id: string) => orders.postpone(id, 60_000), 202],
      [(id: string) => orders.recordFailure(id, failure), 202],
    ] as const) {
      const body = wanted();
      const order = anOrder({ userId: body.user_id });
      const fingerprint = fingerprintOf({ userId: body.user_id, loanId: body.loan_id });
      await orders.insert(order, -1, {
        client: body.user_id,
        key: 'k',
        fingerprint,
        ttlMs: 60_000,
        inFlightMs: -1,
      });
      const { status: now } = await change(order.id);
      const late = await post(app, 'k', body).expect(status);
      expect(late.body).toMatchObject({ id: order.id, status: now });
      expect((await post(app, 'k', body).expect(status)).text).toBe(late.text);
    }
  });

  it('stores nothing for a request that created no order', async () => {
    const { app } = aService();
    const body = wanted();
    await post(app, 'k', { ...body, loan_id: 'offer9' }).expect(422);
    await post(app, 'k', { ...body, loan_id: '' }).expect(400);
    await post(aService({ orders: { insert: unavailable } }).app, 'k', body).expect(503);
    const response = await post(app, 'k', body).expect(201);
    expect(response.headers).not.toHaveProperty('idempotent-replayed');
  });
});

describe('when the database is unavailable', () => {
  it('a checkout is refused before a decision is requested', async () => {
    const askForDecision = jest.fn();
    const { app } = aService({ askForDecision, orders: { insert: unavailable } });
    const response = await request(app).post('/checkout').send(wanted()).expect(503);
    expect(response.body).toMatchObject({ code: 'database-unavailable' });
    expect(response.headers['retry-after']).toBe('1');
    expect(askForDecision).not.toHaveBeenCalled();
  });

  it('a decision that cannot be recorded is not returned', async () => {
    const { app } = aService({ orders: { decide: unavailable } });
    const response = await request(app).post('/checkout').send(wanted()).expect(202);
    expect(response.body).toMatchObject({ status: 'PENDING' });
  });
});

describe('GET /orders', () => {
  it('lists the orders of a user, newest first, page by page, while others arrive', async () => {
    const { app, orders } = aService();
    const userId = `user ${uuidv7()}&`;
    const made: string[] = [];
    const buy = async () => {
      const order = anOrder({ userId });
      await orders.insert(order, 60_000);
      made.unshift(order.id);
    };
    for (let i = 0; i < 5; i++) await buy();
    const expected = [...made];
    const seen: string[] = [];
    let path = `/orders?user_id=${encodeURIComponent(userId)}&limit=2`;
    for (let pages = 0; ; pages++) {
      const response = await request(app).get(path).expect(200);
      seen.push(...(response.body as { id: string }[]).map(({ id }) => id));
      const link = /^<(.+)>; rel="next"$/.exec(response.headers['link'] ?? '');
      if (!link) {
        expect(pages).toBe(2);
        break;
      }
      path = link[1]!;
      await buy();
    }
    expect(seen).toEqual(expected);
  });

  it('is empty for a user without orders', async () => {
    const response = await request(aService().app).get('/orders?user_id=nobody').expect(200);
    expect(response.body).toEqual([]);
    expect(response.headers).not.toHaveProperty('link');
  });

  it.each([
    ['', 'user_id'],
    ['?user_id=', 'user_id'],
    ['?user_id=a&user_id=b', 'user_id'],
    ['?user_id=a&limit=0', 'limit'],
    ['?user_id=a&limit=101', 'limit'],
    ['?user_id=a&limit=x', 'limit'],
    ['?user_id=a&cursor=x', 'cursor'],
  ])('refuses %s and names the parameter', async (query, parameter) => {
    const response = await request(aService().app).get(`/orders${query}`).expect(400);
    expect(response.body).toMatchObject({ errors: [{ parameter }] });
  });
});

describe('/failed-orders', () => {
  it('lists them, and retries one or all', async () => {
    const { app, db, orders } = aService();
    await db.deleteFrom('orders').where('status', '=', 'FAILED').execute();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      const order = anOrder();
      await orders.insert(order, 60_000);
      await orders.recordFailure(order.id, failure);
      ids.unshift(order.id);
    }
    const { body } = await request(app).get('/failed-orders').expect(200);
    expect(body).toMatchObject(
      ids.map((id) => ({ id, status: 'FAILED', attempts: 1, last_error: 'no answer' })),
    );
    const retried = await request(app).post(`/failed-orders/${ids[0]!}/retry`).expect(202);
    expect(retried.body).toMatchObject({ id: ids[0], status: 'PENDING' });
    expect(retried.headers['location']).toBe(`/orders/${ids[0]!}`);
    await request(app).post(`/failed-orders/${ids[0]!}/retry`).expect(409);
    const all = await request(app).post('/failed-orders/retry').expect(202);
    expect(all.body).toEqual({ retried: 2 });
    expect((await request(app).get('/failed-orders')).body).toEqual([]);
  });
});
