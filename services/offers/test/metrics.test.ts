import { allButTimeouts, until } from '@loan-buddy/kit/testing';
import type { Express } from 'express';
import request from 'supertest';
import { DatabaseUnavailableError } from '../src/db/unavailable';
import { UndecidedError } from '../src/approval/payment-client';
import { useDatabase } from './database';
import { anOffer, anOrder, aProvider } from './builders';
import { useService } from './service';

const database = useDatabase();
const aService = useService(database);

// Fake timeouts: on a busy machine, the database may exceed a gauge source's limit.
beforeEach(() => jest.useFakeTimers({ doNotFake: allButTimeouts }));
afterEach(() => jest.useRealTimers());

/** The gauges in `/metrics` about orders and confirm-payment. */
async function gaugesOf(app: Express): Promise<Record<string, number>> {
  const { text } = await request(app).get('/metrics').expect(200);
  const lines = text.match(/^loan_buddy_(orders|confirm_payment)_.*/gm) ?? [];
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', value] = line.replace('loan_buddy_', '').split(' ');
      return [name, Number(value)];
    }),
  );
}

const closed = {
  'confirm_payment_breaker_state{state="closed"}': 1,
  'confirm_payment_breaker_state{state="open"}': 0,
  'confirm_payment_breaker_state{state="half-open"}': 0,
};
const undecided = () => Promise.reject(new UndecidedError('x'));
const wanted = { user_id: 'u', loan_id: 'offer2' };
const ageS = (seconds: number) => ({ createdAt: new Date(Date.now() - seconds * 1000) });

describe('GET /metrics of offers', () => {
  it('reports the number of pending and failed orders, and the oldest pending age', async () => {
    const { app, orders } = aService();
    expect(await gaugesOf(app)).toEqual({
      ...closed,
      orders_pending: 0,
      orders_failed: 0,
      orders_pending_oldest_age_seconds: 0,
    });

    const failing = anOrder(ageS(3600));
    for (const order of [anOrder(ageS(60)), anOrder(ageS(600)), failing, anOrder(ageS(1200))]) {
      await orders.insert(order, 60_000);
      if (order === failing) {
        await orders.recordFailure(order.id, { reason: 'x', dueInMs: 1, maxAttempts: 1 });
      }
    }
    const decided = anOrder(ageS(7200));
    await orders.insert(decided, 60_000);
    await orders.decide(decided.id, 'APPROVED');
    const { orders_pending_oldest_age_seconds: oldestAgeS, ...counts } = await gaugesOf(app);
    expect(counts).toEqual({ ...closed, orders_pending: 3, orders_failed: 1 });
    expect(oldestAgeS).toBeGreaterThanOrEqual(1199);
    expect(oldestAgeS).toBeLessThan(1260);
  });

  it('reports age 0 for an order from a clock that is ahead', async () => {
    const { app, db, orders } = aService();
    await db.deleteFrom('orders').execute();
    await orders.insert(anOrder(ageS(-60)), 60_000);
    expect(await gaugesOf(app)).toMatchObject({ orders_pending_oldest_age_seconds: 0 });
  });

  it.each([
    ['does not respond', () => new Promise<never>(() => undefined)],
    ['is unavailable', () => Promise.reject(new DatabaseUnavailableError({}))],
  ])('omits the orders while the database %s', async (_, countOpen) => {
    const asked = jest.fn(countOpen);
    const { app } = aService({ orders: { countOpen: asked } });
    const gauges = gaugesOf(app);
    await until(() => asked.mock.calls.length > 0);
    jest.advanceTimersByTime(1000);
    expect(await gauges).toEqual(closed);
  });

  it('reports the state of the breaker, if there is one', async () => {
    const { app } = aService({ askForDecision: undecided, BREAKER_FAILURES: 1 });
    await request(app).post('/checkout').send(wanted).expect(202);
    expect(await gaugesOf(app)).toMatchObject({
      'confirm_payment_breaker_state{state="closed"}': 0,
      'confirm_payment_breaker_state{state="open"}': 1,
    });
    const unused = () => Promise.resolve();
    const bus = { publish: unused, subscribe: () => undefined, close: unused };
    const { app: overPubSub } = aService({ APPROVAL_TRANSPORT: 'pubsub', bus });
    expect(Object.keys(await gaugesOf(overPubSub)).join()).not.toContain('breaker');
  });

  it('counts requests by route', async () => {
    const { app } = aService({ askForDecision: undecided });
    await request(app).get('/offers/offer1').expect(200);
    await request(app).get('/offers/offer2').expect(200);
    await request(app).post('/checkout').send(wanted).expect(202);
    const { text } = await request(app).get('/metrics');
    const counts = text.match(/^http_request_duration_seconds_count.*/gm);
    expect(counts).toEqual([
      'http_request_duration_seconds_count{method="GET",route="/offers/:id",status="200"} 2',
      'http_request_duration_seconds_count{method="POST",route="/checkout",status="202"} 1',
    ]);
  });
});

/** Returns the values of metrics by name and labels, and the changes since `before`. */
async function changesIn(app: Express, before: Record<string, number> = {}) {
  const { text } = await request(app).get('/metrics').expect(200);
  const values: Record<string, number> = {};
  for (const [, name, value] of text.matchAll(/^loan_buddy_(.+) (\S+)$/gm)) {
    values[name!] = Number(value);
  }
  const changes = Object.entries(values)
    .map(([name, value]) => [name, value - (before[name] ?? 0)] as const)
    .filter(([, change]) => change !== 0);
  return { values, changed: Object.fromEntries(changes) };
}

describe('what offers counts', () => {
  const changedBy = async (app: Express, act: () => Promise<unknown>) => {
    const { values } = await changesIn(app);
    await act();
    return (await changesIn(app, values)).changed;
  };

  it('checkouts by outcome, requests for a decision, decisions, and batches', async () => {
    const { app } = aService();
    const changed = await changedBy(app, () =>
      request(app).post('/checkout').send(wanted).expect(201),
    );
    expect(changed).toMatchObject({
      'checkouts_total{outcome="APPROVED"}': 1,
      'decision_request_duration_seconds_count{outcome="APPROVED"}': 1,
      'time_to_decision_seconds_count{decision="APPROVED"}': 1,
      'batch_size_bucket{le="1",batch="insert order"}': 1,
      'batch_wait_seconds_count{batch="decide order"}': 1,
    });
    const { app: undecidedApp } = aService({ askForDecision: undecided });
    expect(
      await changedBy(undecidedApp, async () => {
        await request(undecidedApp).post('/checkout').send(wanted).expect(202);
        await request(undecidedApp)
          .post('/checkout')
          .send({ ...wanted, loan_id: 'no' })
          .expect(422);
      }),
    ).toMatchObject({
      'checkouts_total{outcome="PENDING"}': 1,
      'checkouts_total{outcome="unknown-loan"}': 1,
      'decision_request_duration_seconds_count{outcome="undecided"}': 1,
    });
  });

  it('requests to providers by outcome, and reads by what the cache had', async () => {
    let fails = false;
    const flaky = aProvider({
      name: 'Flaky',
      offers: [],
      fetchOffers: () => (fails ? Promise.reject(new Error('x')) : Promise.resolve({ offers: [] })),
    });
    const steady = aProvider({ name: 'Steady', offers: [anOffer({ provider: 'Steady' })] });
    const settings = { OFFERS_TTL_MS: 60_000, OFFERS_MAX_AGE_MS: 60_000, BREAKER_FAILURES: 1 };
    const { app } = aService({ providers: [flaky, steady], ...settings });
    const list = (query = '') => request(app).get(`/offers${query}`).expect(200);
    const changed = await changedBy(app, async () => {
      await list();
      await request(app).get('/offers/offer2').expect(200);
      fails = true;
      await list('?amount=1000');
    });
    expect(changed).toMatchObject({
      'provider_reads_total{provider="Flaky",result="awaited"}': 1,
      'provider_reads_total{provider="Flaky",result="missing"}': 1,
      'provider_reads_total{provider="Steady",result="awaited"}': 2,
      'provider_reads_total{provider="Steady",result="fresh"}': 1,
      'provider_request_duration_seconds_count{provider="Flaky",outcome="ok"}': 1,
      'provider_request_duration_seconds_count{provider="Flaky",outcome="error"}': 1,
      'provider_breaker_state{provider="Flaky",state="closed"}': -1,
      'provider_breaker_state{provider="Flaky",state="open"}': 1,
    });
  });
});

describe('the queues', () => {
  it('have a depth and an oldest age, for what this configuration sends', async () => {
    const { app, db, orders } = aService({ sendEmail: () => Promise.resolve() });
    await db.deleteFrom('orders').execute();
    const { values: before } = await changesIn(app);
    const failing = { ...anOrder(ageS(1200)), email: 'cristina@example.com' };
    for (const order of [failing, anOrder(ageS(600))]) await orders.insert(order, 60_000);
    await orders.recordFailure(failing.id, { reason: 'x', dueInMs: 1, maxAttempts: 1 });
    const { values } = await changesIn(app);
    expect(values['queue_depth{queue="orders"}']).toBe(1);
    expect(values['queue_depth{queue="emails"}']).toBe(before['queue_depth{queue="emails"}']! + 1);
    expect(values['queue_oldest_age_seconds{queue="orders"}']).toBeGreaterThanOrEqual(599);
    expect(values['queue_oldest_age_seconds{queue="webhooks"}']).toBe(0);
    expect(Object.keys(values).join()).not.toContain('queue="events"');
  });

  it('are missing while the database hangs, but the use of its pool is not', async () => {
    const { app } = aService();
    const { db, poolUse } = database();
    const { size } = poolUse();
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const held = Array.from({ length: size }, () => db.connection().execute(() => released));
    await until(() => poolUse().used === size);
    const ping = database().ping();
    await until(() => poolUse().waiting === 1);
    const scraping = changesIn(app);
    await until(() => poolUse().waiting === 3);
    jest.advanceTimersByTime(1000);
    const { values } = await scraping;
    expect(Object.keys(values).join()).not.toContain('queue');
    expect(values).toMatchObject({
      database_pool_size: size,
      database_pool_used: size,
      database_pool_waiting: 1,
    });
    release();
    await Promise.all([...held, ping]);
    await until(() => poolUse().used === 0);
  });
});
