import { allButIntervals, itUnless, startApp, until } from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import request from 'supertest';
import type { Database } from '../src/db/database';
import { migrate } from '../src/db/migrate';
import { DatabaseUnavailableError } from '../src/db/unavailable';
import { createEventLog } from '../src/events/event-log';
import { createOrderFeed, type OrderFeed } from '../src/events/order-feed';
import { createOrderStore } from '../src/orders/order-store';
import { anOrder } from './builders';
import { serviceOn } from './service';
import {
  createServerDatabase,
  openServerDatabase,
  runOn,
  testServer,
  withoutServer,
} from './database';
import { listenToStream, typesOf, untilRead } from './listen-to-stream';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const onServer = itUnless(withoutServer);

/** The URL of a new database for several replicas. */
async function aSharedDatabase(): Promise<string> {
  const { url, drop } = await createServerDatabase(testServer!);
  closers.push(drop);
  return url;
}

async function openOn(url: string): Promise<Database> {
  const database = await openServerDatabase(url, 2);
  closers.push(database.close);
  return database;
}

async function feedOn({ db, listen }: Database): Promise<OrderFeed> {
  const feed = await createOrderFeed({ listen, log: createEventLog(db) });
  closers.push(feed.close);
  return feed;
}

/** The whole service, listening, with its own connections. */
async function aReplica(url: string) {
  const database = await openOn(url);
  await migrate(database.db);
  const service = serviceOn({ database, feed: await feedOn(database) });
  closers.push(service.close);
  const server = await startApp(service.app);
  closers.push(server.close);
  return { ...service, url: server.url };
}

/** Makes the database unavailable, and disconnects its clients. */
async function takeAway(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  // Otherwise, clients that reconnect at once would prevent the rename.
  await runOn(testServer!, `alter database ${name} allow_connections false`);
  await runOn(
    testServer!,
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
  );
  await runOn(testServer!, `alter database ${name} rename to ${name}_away`);
}

async function bringBack(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  await runOn(testServer!, `alter database ${name}_away allow_connections true`);
  await runOn(testServer!, `alter database ${name}_away rename to ${name}`);
}

/** Waits until this many connections listen for changed orders. */
async function untilHearing(db: Database['db'], count: number): Promise<void> {
  let hearing = -1;
  while (hearing !== count) {
    const { rows } = await sql`select from pg_stat_activity
      where query = 'listen order_changed' and state = 'idle' and datname = current_database()`.execute(
      db,
    );
    hearing = rows.length;
  }
}

describe('GET /orders/{id}/events on one replica', () => {
  onServer('sends failed attempts and decisions of another replica', async () => {
    // Disables polling.
    jest.useFakeTimers({ doNotFake: allButIntervals });
    closers.push(() => jest.useRealTimers());
    const url = await aSharedDatabase();
    const [here, there] = [await aReplica(url), await aReplica(url)];
    await untilHearing(here.db, 2);
    const { body } = await request(there.url)
      .post('/checkout')
      .set('Prefer', 'respond-async')
      .send({ user_id: 'cristina', loan_id: 'offer2' })
      .expect(202);
    const order = await there.orders.find((body as { id: string }).id);
    const reads = jest.spyOn(here.feed, 'historyOf');
    const stream = await listenToStream(`${here.url}/orders/${order!.id}/events`);
    await untilRead(reads);
    await there.orders.recordFailure(order!.id, { reason: 'x', dueInMs: 60_000, maxAttempts: 9 });
    await until(() => stream.attempted.length > 0);
    await there.approval.attemptDecision(order!, { requestId: 'r1' });
    await stream.ended;
    expect(stream.attempted).toMatchObject([{ attempts: 1 }]);
    expect(typesOf(stream)).toEqual(['checkout_submitted', 'approved']);
  });

  onServer('keeps waiting while the database is unavailable', async () => {
    const url = await aSharedDatabase();
    const { feed, orders, ...replica } = await aReplica(url);
    await untilHearing(replica.db, 1);
    const order = anOrder();
    await orders.insert(order, 60_000);
    const reads = jest.spyOn(feed, 'historyOf');
    const watching = jest.spyOn(feed, 'watch');
    const stream = await listenToStream(`${replica.url}/orders/${order.id}/events`);
    await untilRead(reads);
    await takeAway(url);
    // Simulates the five-second poll.
    const [, look] = watching.mock.calls[0]!;
    look();
    await expect(reads.mock.results.at(-1)!.value).rejects.toThrow(DatabaseUnavailableError);
    await bringBack(url);
    await orders.decide(order.id, 'APPROVED');
    await stream.ended;
    expect(typesOf(stream)).toEqual(['checkout_submitted', 'approved']);
  });
});

describe('POST /checkout with the same keys on two replicas at once', () => {
  onServer('makes one order of each key, and both return the same response', async () => {
    const url = await aSharedDatabase();
    const [here, there] = [await aReplica(url), await aReplica(url)];
    const keys = Array.from({ length: 60 }, (_, i) => `key ${String(i)}`);
    const buy = async (replica: typeof here, key: string): Promise<string> => {
      const { status, text } = await request(replica.url)
        .post('/checkout')
        .set('Idempotency-Key', key)
        .send({ user_id: 'cristina', loan_id: 'offer2' });
      if (status === 409) return buy(replica, key);
      expect(status).toBe(201);
      return text;
    };
    const [one, other] = await Promise.all([
      Promise.all(keys.map((key) => buy(here, key))),
      Promise.all(keys.toReversed().map((key) => buy(there, key))),
    ]);
    expect(one).toEqual(other.toReversed());
    const { rows } = await sql`
      select count(distinct order_id) as orders, count(*) as events from order_events`.execute(
      here.db,
    );
    expect(rows).toEqual([{ orders: 60, events: 120 }]);
  });
});

describe('the order feed', () => {
  onServer('receives another replica’s changes, also after its connection broke', async () => {
    const url = await aSharedDatabase();
    const [here, there] = [await openOn(url), await openOn(url)];
    await migrate(here.db);
    const feed = await feedOn(here);
    const orders = createOrderStore(there.db);
    const change = async () => {
      const order = anOrder();
      await orders.insert(order, 60_000);
      const told = new Promise<void>((resolve) => feed.watch(order.id, resolve));
      await orders.decide(order.id, 'APPROVED');
      await told;
      const { events } = await feed.historyOf(order.id);
      return events.map(({ event }) => event.data.status);
    };
    expect(await change()).toEqual(['PENDING', 'APPROVED']);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'offers listening' and datname = current_database()`.execute(
      there.db,
    );
    expect(await change()).toEqual(['PENDING', 'APPROVED']);
  });
});
