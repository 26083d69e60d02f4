import { allButTimeouts, until } from '@loan-buddy/kit/testing';
import type { Express } from 'express';
import request from 'supertest';
import { DatabaseUnavailableError } from '../src/db/unavailable';
import { UndecidedError } from '../src/approval/payment-client';
import { anOrder } from './builders';
import { useService } from './service';

const aService = useService();

// Fake timeouts: on a busy machine, the database may exceed a gauge source's limit.
beforeEach(() => jest.useFakeTimers({ doNotFake: allButTimeouts }));
afterEach(() => jest.useRealTimers());

/** The gauges in `/metrics` about orders and confirm-payment. */
async function gaugesOf(app: Express): Promise<Record<string, number>> {
  const { text } = await request(app).get('/metrics').expect(200);
  const lines = text.split('\n').filter((line) => line.startsWith('loan_buddy_'));
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
