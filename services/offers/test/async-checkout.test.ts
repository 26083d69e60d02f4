import { request as send } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { allButTimeouts, startApp, until } from '@loan-buddy/kit/testing';
import request from 'supertest';
import { UndecidedError } from '../src/approval/payment-client';
import { anOrder } from './builders';
import { useService } from './service';

const aService = useService();
const wanted = { user_id: 'cristina', loan_id: 'offer2' };

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  jest.useRealTimers();
  for (const close of closers.splice(0)) await close();
});

/** A service whose due orders are decided only when the test decides them. */
function withWorker(parts: Parameters<typeof aService>[0] = {}) {
  const service = aService({
    // The worker is not started, so any call comes from within the request.
    askForDecision: () => Promise.reject(new UndecidedError('asked within the request')),
    ...parts,
  });
  return { ...service, waking: jest.spyOn(service.decisionWorker, 'wake') };
}

const buy = (app: Parameters<typeof request>[0], prefer?: string, key?: string) => {
  const buying = request(app).post('/checkout');
  if (prefer !== undefined) void buying.set('Prefer', prefer);
  if (key !== undefined) void buying.set('Idempotency-Key', key);
  return buying.send(wanted);
};

/** Decides due orders while the given promise is pending. */
async function whileDeciding<Result>(
  orders: ReturnType<typeof aService>['orders'],
  decision: 'APPROVED' | 'REJECTED',
  waiting: PromiseLike<Result>,
): Promise<Result> {
  const waits = { over: false };
  const result = Promise.resolve(waiting).finally(() => (waits.over = true));
  while (!waits.over) {
    for (const { id } of await orders.claimDue(10, 60_000)) await orders.decide(id, decision);
    await sleep(5);
  }
  return result;
}

/** Collects the ids of orders watched from now on. */
function spyOnWatches(feed: ReturnType<typeof aService>['feed']): Set<string> {
  const watched = new Set<string>();
  const { watch } = feed;
  jest.spyOn(feed, 'watch').mockImplementation((orderId, listener) => {
    const unwatch = watch(orderId, listener);
    watched.add(orderId);
    return () => {
      watched.delete(orderId);
      unwatch();
    };
  });
  return watched;
}

describe('POST /checkout with Prefer: respond-async', () => {
  it('returns 202 at once, and leaves the order due for the worker it wakes', async () => {
    const { app, orders, waking } = withWorker();
    const response = await buy(app, 'respond-async').expect(202);
    expect(response.headers).toMatchObject({
      'preference-applied': 'respond-async',
      'retry-after': '1',
      location: `/orders/${(response.body as { id: string }).id}`,
    });
    expect(response.body).toMatchObject({ status: 'PENDING' });
    expect(waking).toHaveBeenCalledTimes(1);
    const due = await orders.claimDue(10, 60_000);
    expect(due.map(({ id }) => id)).toContain((response.body as { id: string }).id);
  });

  it('returns 201 if the decision comes within wait', async () => {
    const { app, orders } = withWorker();
    const waiting = buy(app, 'respond-async, wait=20');
    const response = await whileDeciding(orders, 'REJECTED', waiting);
    expect(response.status).toBe(201);
    expect(response.body).toMatchObject({ status: 'REJECTED' });
    expect(response.headers['preference-applied']).toBe('respond-async, wait=20');
  });

  it('returns 202 once wait is over', async () => {
    const { app } = withWorker();
    const response = await buy(app, 'respond-async, wait=1').expect(202);
    expect(response.body).toMatchObject({ status: 'PENDING' });
  });

  it('stops waiting for a client that has disconnected', async () => {
    // The wait itself never ends.
    jest.useFakeTimers({ doNotFake: allButTimeouts });
    const { app, feed } = withWorker();
    const watched = spyOnWatches(feed);
    const server = await startApp(app);
    closers.push(server.close);
    const body = JSON.stringify(wanted);
    const headers = { 'Content-Type': 'application/json', Prefer: 'respond-async, wait=30' };
    const leaving = send(`${server.url}/checkout`, { method: 'POST', headers, agent: false });
    leaving.on('error', () => undefined); // the client disconnected
    leaving.end(body);
    await until(() => watched.size > 0);
    leaving.destroy();
    // The order may be being read.
    await until(() => watched.size === 0);
  });

  it('can be a deployment’s default, which still honours wait', async () => {
    const { app, orders } = withWorker({ CHECKOUT_MODE: 'async' });
    const response = await buy(app).expect(202);
    expect(response.headers['preference-applied']).toBeUndefined();
    const waited = await whileDeciding(orders, 'APPROVED', buy(app, 'wait=20'));
    expect([waited.status, waited.headers['preference-applied']]).toEqual([201, 'wait=20']);
  });

  it('asks for the decision within the request by default', async () => {
    const { app, waking } = aServiceThatApproves();
    for (const prefer of [undefined, 'wait=5', 'return=minimal, respond-asynchronously']) {
      const response = await buy(app, prefer).expect(201);
      expect(response.headers['preference-applied']).toBeUndefined();
    }
    expect(waking).not.toHaveBeenCalled();
  });

  it('returns the same response for the same key, whatever the order’s status', async () => {
    const { app, orders } = withWorker();
    const first = await buy(app, 'respond-async', 'k-async').expect(202);
    await orders.decide((first.body as { id: string }).id, 'APPROVED');
    const again = await buy(app, 'respond-async', 'k-async').expect(202);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.body).toEqual(first.body);
  });

  it('stores the e-mail address, and never reveals it', async () => {
    const { app, db, feed } = withWorker();
    const email = 'jane&john@xn--bcher-kva.example';
    const response = await request(app)
      .post('/checkout')
      .set('Prefer', 'respond-async')
      .send({ ...wanted, email })
      .expect(202);
    const { id } = response.body as { id: string };
    const row = await db.selectFrom('orders').select('email').where('id', '=', id).execute();
    expect(row).toEqual([{ email }]);
    expect(JSON.stringify([response.body, await feed.historyOf(id)])).not.toContain('example.com');
    const refused = await request(app)
      .post('/checkout')
      .send({ ...wanted, email: 'not at all' })
      .expect(400);
    expect(refused.body).toMatchObject({ errors: [{ pointer: '#/email' }] });
  });

  it('adds the order to the request’s trace', async () => {
    const { app, feed } = withWorker();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const response = await buy(app, 'respond-async').set(
      'traceparent',
      `00-${traceId}-00f067aa0ba902b7-01`,
    );
    const { events } = await feed.historyOf((response.body as { id: string }).id);
    expect(events[0]?.event.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  });

  function aServiceThatApproves() {
    return withWorker({ askForDecision: () => Promise.resolve('APPROVED') });
  }
});

describe('GET /orders/{id}', () => {
  it('sends Retry-After only while the order is pending', async () => {
    const { app, orders } = aService();
    const order = anOrder();
    await orders.insert(order, 60_000);
    const pending = await request(app).get(`/orders/${order.id}`).expect(200);
    expect(pending.headers['retry-after']).toBe('1');
    await orders.decide(order.id, 'APPROVED');
    const final = await request(app).get(`/orders/${order.id}`).expect(200);
    expect(final.headers['retry-after']).toBeUndefined();
  });

  it('waits for the decision if the client prefers to', async () => {
    const { app, orders } = aService();
    const order = anOrder();
    await orders.insert(order, 60_000);
    const waiting = request(app).get(`/orders/${order.id}`).set('Prefer', 'wait=20').then();
    const [response] = await Promise.all([waiting, orders.decide(order.id, 'REJECTED')]);
    expect(response.body).toMatchObject({ status: 'REJECTED' });
    expect(response.headers['preference-applied']).toBe('wait=20');
  });

  it('waits for at most the requested time, and at most 30 s', async () => {
    const { app, orders } = aService();
    const order = anOrder();
    await orders.insert(order, 60_000);
    const path = `/orders/${order.id}`;
    const response = await request(app).get(path).set('Prefer', 'wait=1').expect(200);
    expect(response.body).toMatchObject({ status: 'PENDING' });
    await orders.decide(order.id, 'APPROVED');
    const capped = await request(app).get(path).set('Prefer', 'wait=600').expect(200);
    expect(capped.headers['preference-applied']).toBe('wait=30');
  });

  it('does not wait for an unknown order', async () => {
    await request(aService().app).get('/orders/x').set('Prefer', 'wait=20').expect(404);
  });
});
