/** The stream of an order’s events. Long, because each of its promises has a test. */
import { connect } from 'node:net';
import { createAdmission } from '@loan-buddy/kit/admission';
import type { Express } from 'express';
import request from 'supertest';
import { allButIntervals, eventLoopTurns, startApp, until } from '@loan-buddy/kit/testing';
import { DatabaseUnavailableError } from '../src/db/unavailable';
import { anOrder } from './builders';
import { useService } from './service';
import { listenToStream, typesOf, untilRead } from './listen-to-stream';

const aService = useService();

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(app: Express) {
  const server = await startApp(app);
  closers.push(server.close);
  return server;
}

/** The stream of a pending order after its first events; `notify` signals a change. */
async function anOpenStream() {
  const { app, orders, feed } = aService();
  const { url } = await serve(app);
  const order = anOrder();
  await orders.insert(order, 60_000);
  const read = feed.historyOf;
  const reads = jest.spyOn(feed, 'historyOf');
  const watching = jest.spyOn(feed, 'watch');
  const path = `${url}/orders/${order.id}/events`;
  const stream = await listenToStream(path);
  await untilRead(reads);
  const [, notify] = watching.mock.calls[0]!;
  return {
    ...{ stream, read, reads, notify, path, orders, id: order.id },
    decide: () => orders.decide(order.id, 'APPROVED'),
    fail: (dueInMs = 60_000, maxAttempts = 9) =>
      orders.recordFailure(order.id, { reason: 'secret', dueInMs, maxAttempts }),
  };
}

describe('GET /orders/{id}/events', () => {
  it('sends past events, then new ones, and ends with the decision', async () => {
    const { app, orders } = aService();
    const { url } = await serve(app);
    const order = anOrder();
    await orders.insert(order, 60_000);
    const stream = await listenToStream(`${url}/orders/${order.id}/events`);
    expect(stream.res.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    });
    await orders.decide(order.id, 'APPROVED');
    await stream.ended;
    expect(typesOf(stream)).toEqual(['checkout_submitted', 'approved']);
  });

  it('resumes where a client was cut off, and misses nothing', async () => {
    const { app, orders } = aService();
    const { url } = await serve(app);
    const order = anOrder();
    await orders.insert(order, 60_000);
    const path = `${url}/orders/${order.id}/events`;
    const cut = await listenToStream(path);
    await orders.recordFailure(order.id, { reason: 'x', dueInMs: 1, maxAttempts: 1 });
    await cut.ended;
    await orders.retry(order.id);
    const [submitted, failed] = cut.events;
    const again = await listenToStream(path, failed!.id);
    await orders.decide(order.id, 'REJECTED');
    await again.ended;
    expect(typesOf(again)).toEqual(['resubmitted', 'rejected']);
    const fromStart = await listenToStream(path, submitted!.id);
    await fromStart.ended;
    expect(typesOf(fromStart)).toEqual(['failed', 'resubmitted', 'rejected']);
  });

  it('skips events the client already has, and sends everything for an invalid Last-Event-ID', async () => {
    const { app, orders } = aService();
    const order = anOrder();
    await orders.insert(order, 60_000);
    await orders.decide(order.id, 'APPROVED');
    const path = `/orders/${order.id}/events`;
    const all = await request(app).get(path).set('Last-Event-ID', 'banana').expect(200);
    expect(all.text.match(/^id: /gm)).toHaveLength(2);
    const last = /(\d+)\nevent: [a-z._]*approved/.exec(all.text)![1]!;
    // After a 204, an EventSource does not reconnect.
    await request(app).get(path).set('Last-Event-ID', last).expect(204);
    const ahead = String(Number(last) + 1_000_000);
    const again = await request(app).get(path).set('Last-Event-ID', ahead).expect(200);
    expect(again.text).toBe(all.text);
  });

  it('stays open while the database is unavailable, and sends the decision afterwards', async () => {
    const { stream, reads, notify, decide } = await anOpenStream();
    reads.mockRejectedValue(new DatabaseUnavailableError({}));
    notify();
    await untilRead(reads);
    reads.mockRestore();
    await decide();
    await stream.ended;
    expect(typesOf(stream)).toEqual(['checkout_submitted', 'approved']);
  });

  it('ends on an unexpected error', async () => {
    const { stream, reads, notify } = await anOpenStream();
    reads.mockRejectedValue(new Error('unexpected'));
    notify();
    await stream.ended;
    expect(typesOf(stream)).toEqual(['checkout_submitted']);
  });

  it('says at once that an attempt failed, and when the next is due', async () => {
    // Disables polling.
    jest.useFakeTimers({ doNotFake: allButIntervals });
    closers.push(() => jest.useRealTimers());
    const { stream, id, fail, decide } = await anOpenStream();
    const before = Date.now();
    for (const dueInMs of [60_000, 120_000]) {
      const known = stream.attempted.length;
      await fail(dueInMs);
      await until(() => stream.attempted.length > known);
    }
    await decide();
    await stream.ended;
    expect(stream.attempted).toEqual(
      [1, 2].map((attempts) => ({ order_id: id, attempts, next_attempt_at: expect.any(String) })),
    );
    const pauses = (stream.attempted as { next_attempt_at: string }[]).map(
      ({ next_attempt_at }) => Date.parse(next_attempt_at) - before,
    );
    expect(Math.floor(pauses[0]! / 60_000)).toBe(1);
    expect(Math.floor(pauses[1]! / 60_000)).toBe(2);
    expect(typesOf(stream)).toEqual(['checkout_submitted', 'approved']);
  });

  it('says how many attempts have failed when it starts, also to a client that resumes', async () => {
    const { stream, path, orders, id, fail, decide } = await anOpenStream();
    await fail();
    await fail(60_000, 2);
    await stream.ended;
    const failed = await listenToStream(path);
    await failed.ended;
    expect(failed.attempted).toEqual([]);
    await orders.retry(id);
    const retried = await listenToStream(path);
    await fail();
    await until(() => retried.attempted.length > 0);
    const resumed = await listenToStream(path, retried.events.at(-1)!.id);
    await until(() => resumed.attempted.length > 0);
    await decide();
    await Promise.all([retried.ended, resumed.ended]);
    for (const { attempted } of [retried, resumed])
      expect(attempted).toMatchObject([{ attempts: 1 }]);
    expect(typesOf(resumed)).toEqual(['approved']);
    expect((await listenToStream(path)).attempted).toEqual([]);
  });

  it('does not go back to an earlier attempt after a read that took longer', async () => {
    const { stream, reads, notify, read, orders, id, fail, decide } = await anOpenStream();
    const earlier = [];
    for (const attempts of [1, 2]) {
      await fail();
      await until(() =>
        JSON.stringify(stream.attempted).includes(`"attempts":${String(attempts)}`),
      );
      earlier.push(await read(id));
    }
    let late = earlier[0];
    reads.mockImplementation(() => (late ? Promise.resolve(late) : read(id)));
    const notifyAndRead = async () => {
      notify();
      await untilRead(reads);
    };
    await notifyAndRead();
    // Does not read that the order failed, or the stream would end.
    late = earlier[1];
    await fail(1, 3);
    await orders.retry(id);
    late = undefined;
    await notifyAndRead();
    late = earlier[1];
    await notifyAndRead();
    late = undefined;
    // An operator's retry counts from the start.
    await fail();
    await until(() => stream.attempted.length > 2);
    await decide();
    await stream.ended;
    expect(stream.attempted).toMatchObject([{ attempts: 1 }, { attempts: 2 }, { attempts: 1 }]);
    expect(typesOf(stream)).toEqual(['checkout_submitted', 'failed', 'resubmitted', 'approved']);
  });

  it('returns 404 for an unknown order, and sends no body for HEAD', async () => {
    const { app, orders } = aService();
    await request(app).get('/orders/x/events').expect(404);
    const order = anOrder();
    await orders.insert(order, 60_000);
    await request(app).head(`/orders/${order.id}/events`).expect(200);
  });

  it('sends the decision to a hundred listeners', async () => {
    const { app, orders } = aService();
    const { url } = await serve(app);
    const order = anOrder();
    await orders.insert(order, 60_000);
    const streams = await Promise.all(
      Array.from({ length: 100 }, () => listenToStream(`${url}/orders/${order.id}/events`)),
    );
    await orders.decide(order.id, 'APPROVED');
    await Promise.all(streams.map(({ ended }) => ended));
    for (const stream of streams) expect(typesOf(stream)).toContain('approved');
  });

  it('releases everything when listeners disconnect', async () => {
    const { app, orders, feed } = aService();
    const { url, connections } = await serve(app);
    const order = anOrder();
    await orders.insert(order, 60_000);
    const timers = () => process.getActiveResourcesInfo().filter((type) => type === 'Timeout');
    const before = timers().length;
    const watching = jest.spyOn(feed, 'watch');
    const streams = await Promise.all(
      Array.from({ length: 20 }, () => listenToStream(`${url}/orders/${order.id}/events`)),
    );
    const told = watching.mock.calls.map(([, listener]) => listener);
    expect(told).toHaveLength(20);
    for (const stream of streams) stream.leave();
    await until(() => connections() === 0);
    await until(() => timers().length <= before);
    // No listener is left: one would read the events here.
    const reads = jest.spyOn(feed, 'historyOf');
    await orders.decide(order.id, 'APPROVED');
    await request(app).get(`/orders/${order.id}`).set('Prefer', 'wait=5').expect(200);
    expect(reads).not.toHaveBeenCalled();
  });

  it('releases everything for pipelined requests', async () => {
    const { app, orders, feed } = aService();
    const { url, connections } = await serve(app);
    const order = anOrder();
    await orders.insert(order, 60_000);
    const watching = jest.spyOn(feed, 'watch');
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(`GET /orders/${order.id}/events HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(3));
    await until(() => watching.mock.calls.length >= 3);
    socket.destroy();
    await until(() => connections() === 0);
    await eventLoopTurns();
    const reads = jest.spyOn(feed, 'historyOf');
    await orders.decide(order.id, 'APPROVED');
    await request(app).get(`/orders/${order.id}`).set('Prefer', 'wait=5').expect(200);
    expect(reads).not.toHaveBeenCalled();
  });

  it('allows each user a hundred streams', async () => {
    const verifyToken = (subject: string) => ({
      subject,
      hasScope: (scope: string) => scope === 'orders:read',
    });
    const { app, orders } = aService({ admission: createAdmission({ verifyToken }) });
    const { url } = await serve(app);
    const order = { ...anOrder(), userId: 'cristina' };
    await orders.insert(order, 60_000);
    const path = `${url}/orders/${order.id}/events`;
    const open = (token: string) => listenToStream(path, undefined, token);
    const streams = await Promise.all(Array.from({ length: 100 }, () => open('cristina')));
    const refused = await open('cristina');
    expect([refused.res.statusCode, refused.res.headers['retry-after']]).toEqual([429, '5']);
    streams[0]!.leave();
    await until(async () => (await open('cristina')).res.statusCode === 200);
    expect((await open('cristina')).res.statusCode).toBe(429);
    await orders.decide(order.id, 'APPROVED');
    await Promise.all(streams.map(({ ended }) => ended));
    expect((await open('cristina')).res.statusCode).toBe(200);
  });
});
