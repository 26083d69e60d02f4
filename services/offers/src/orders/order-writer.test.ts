/** Batches with mixed outcomes, on the store that writes them. Long, because each kind of row has its own outcomes. */
import { setImmediate as turn } from 'node:timers/promises';
import { itUnless, recordingLogger, until } from '@loan-buddy/kit/testing';
import { sql, type Kysely } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { anOffer, anOrder } from '../../test/builders';
import {
  createServerDatabase,
  openServerDatabase,
  startProxy,
  testServer,
  useDatabase,
  withoutServer,
} from '../../test/database';
import { openDatabase } from '../db/database';
import { migrate } from '../db/migrate';
import type { Tables } from '../db/tables';
import { DatabaseUnavailableError } from '../db/unavailable';
import type { Order } from '../domain/order';
import { createIdempotencyStore } from './idempotency';
import { createOrderStore, type OrderStore } from './order-store';

const database = useDatabase();
const onServer = itUnless(withoutServer);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const requestFor = (key: string, client = 'cristina') => {
  return { client, key, fingerprint: 'f', ttlMs: 60_000, inFlightMs: 1000 };
};

/** Starts all calls after one that is written alone, so that they are one batch. */
async function together<Result>(alone: () => Promise<unknown>, calls: (() => Promise<Result>)[]) {
  const first = alone();
  await turn();
  const results = Promise.allSettled(calls.map((call) => call()));
  await first;
  return results;
}

/** Returns the value of each call, or `rejected`. */
const outcomes = (results: PromiseSettledResult<unknown>[]) =>
  results.map((result) => (result.status === 'fulfilled' ? result.value : 'rejected'));

/** A store on a database that counts the statements. */
function aCountingStore({ db }: { db: Kysely<Tables> } = database()) {
  const counting = db.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: ({ result }) => Promise.resolve(result),
  });
  const count = { statements: 0 };
  counting.executeQuery = (query) => {
    count.statements += 1;
    return db.executeQuery(query);
  };
  return { store: createOrderStore(counting), count };
}

const stored = async (store: OrderStore, orders: Order[]) =>
  Promise.all(orders.map(async ({ id }) => (await store.find(id)) !== undefined));

describe('orders of one batch', () => {
  it('are written by one statement, with their keys and events', async () => {
    const { store, count } = aCountingStore();
    const orders = Array.from({ length: 30 }, () => anOrder());
    const client = uuidv7();
    const results = await together(
      () => store.insert(anOrder(), 60_000),
      orders.map((order, i) => () => {
        const request = i % 2 === 0 ? requestFor(String(i), client) : undefined;
        return store.insert(order, 60_000, request);
      }),
    );
    expect(outcomes(results)).toEqual(orders.map(() => true));
    expect(count.statements).toBe(2);
    const { db } = database();
    for (const [i, order] of orders.entries()) {
      expect(await store.find(order.id)).toEqual(order);
      const key = await createIdempotencyStore(db).find(client, String(i));
      expect(key?.orderId).toBe(i % 2 === 0 ? order.id : undefined);
    }
    const { rows } = await sql<{ orderId: string }>`
      select order_id from order_events where type like '%checkout_submitted'
        and order_id = any (${orders.map(({ id }) => id)})`.execute(db);
    expect(rows.map(({ orderId }) => orderId).sort()).toEqual(orders.map(({ id }) => id).sort());
  });

  it('are stored exactly, whatever their texts and numbers', async () => {
    const store = createOrderStore(database().db);
    const offers = [
      { rate: 0.1 + 0.2, amount: 123_456_789.01 },
      { rate: 5e-324, amount: 1.7976931348623157e308 },
      { rate: 0, amount: -0.5 },
    ];
    const texts = ['Zoë 🏦', '"quoted" \\ {a,b}', "null'; --", '{"a":[1]}', 'NULL', ''];
    const orders = texts.map((userId, i) =>
      anOrder({ userId, offer: { ...anOffer(offers[i % offers.length]), provider: userId } }),
    );
    await together(
      () => store.insert(anOrder(), 60_000),
      orders.map((order) => () => store.insert(order, 60_000)),
    );
    for (const order of orders) expect(await store.find(order.id)).toEqual(order);
  });

  it('succeed beside a taken key, a value that the database refuses, and a number out of range', async () => {
    const store = createOrderStore(database().db);
    const client = uuidv7();
    await store.insert(anOrder(), 60_000, requestFor('taken', client));
    const good = [anOrder(), anOrder(), anOrder()];
    const twins = [anOrder(), anOrder()];
    const [late, taken] = [anOrder(), anOrder()];
    const refused = [
      anOrder({ userId: 'a\u0000b' }),
      anOrder({ attempts: 2 ** 40 }),
      anOrder({ status: 'UNKNOWN' as 'PENDING' }),
      // Its id is taken.
      anOrder({ id: good[0]!.id }),
    ];
    const results = await together(
      () => store.insert(anOrder(), 60_000),
      [
        () => store.insert(good[0]!, 60_000),
        () => store.insert(refused[0]!, 60_000),
        () => store.insert(taken, 60_000, requestFor('taken', client)),
        () => store.insert(good[1]!, 60_000, requestFor('free', client)),
        () => store.insert(refused[1]!, 60_000, requestFor('refused', client)),
        () => store.insert(refused[2]!, 60_000),
        () => store.insert(twins[0]!, 60_000, requestFor('twice', client)),
        () => store.insert(twins[1]!, 60_000, requestFor('twice', client)),
        () => store.insert(refused[3]!, 60_000),
        () => store.insert(good[2]!, 60_000),
      ],
    );
    const rejected = 'rejected';
    const won = outcomes(results);
    // Which of the two that have one key gets it is not defined.
    expect(won.splice(6, 2).toSorted()).toEqual([false, true]);
    expect(won).toEqual([true, rejected, false, true, rejected, rejected, rejected, true]);
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(result.reason).not.toBeInstanceOf(DatabaseUnavailableError);
      }
    }
    expect(await stored(store, good)).toEqual([true, true, true]);
    expect((await stored(store, twins)).toSorted()).toEqual([false, true]);
    expect(await stored(store, [taken])).toEqual([false]);
    // A refused order did not take its key.
    expect(await store.insert(late, 60_000, requestFor('refused', client))).toBe(true);
  });

  it('fail one by one if none can be written', async () => {
    const store = createOrderStore(database().db);
    const results = await together(
      () => store.insert(anOrder(), 60_000),
      Array.from({ length: 9 }, () => () => store.insert(anOrder({ userId: '\u0000' }), 60_000)),
    );
    expect(outcomes(results)).toEqual(Array.from({ length: 9 }, () => 'rejected'));
    expect(await store.insert(anOrder(), 60_000)).toBe(true);
  });
});

describe('one key in many checkouts at once', () => {
  it('belongs to one, and the others know only after that is stored', async () => {
    const store = createOrderStore(database().db);
    const keys = createIdempotencyStore(database().db);
    const client = uuidv7();
    const orders = Array.from({ length: 20 }, () => anOrder());
    const results = await Promise.all(
      orders.map(async (order) => {
        const inserted = await store.insert(order, 60_000, requestFor('k', client));
        const winner = await keys.find(client, 'k');
        expect(await store.find(winner!.orderId)).toBeDefined();
        return inserted;
      }),
    );
    expect(results.filter(Boolean)).toHaveLength(1);
    expect((await stored(store, orders)).filter(Boolean)).toHaveLength(1);
  });

  it('is replaced only if it has expired', async () => {
    const store = createOrderStore(database().db);
    const client = uuidv7();
    for (const key of ['old', 'new']) {
      const ttlMs = key === 'old' ? -1 : 60_000;
      await store.insert(anOrder(), 60_000, { ...requestFor(key, client), ttlMs });
    }
    const results = await together(
      () => store.insert(anOrder(), 60_000),
      ['old', 'new', 'other'].map(
        (key) => () => store.insert(anOrder(), 60_000, requestFor(key, client)),
      ),
    );
    expect(outcomes(results)).toEqual([true, false, true]);
  });
});

it('a client whose name has half of a surrogate pair can use keys', async () => {
  const { db } = database();
  const order = anOrder();
  const request = requestFor('k', 'half \ud800');
  expect(await createOrderStore(db).insert(order, 60_000, request)).toBe(true);
  const found = await createIdempotencyStore(db).find(request.client, 'k');
  expect(found).toMatchObject({ orderId: order.id });
  const { complete } = createIdempotencyStore(db);
  const first = { status: 201, body: 'first' };
  expect(await complete(request.client, 'k', first)).toEqual(first);
  expect(await complete(request.client, 'k', { status: 202, body: 'second' })).toEqual(first);
});

describe('responses of one batch', () => {
  it('are stored each with its key, and the first of a key stays', async () => {
    const { db } = database();
    const [store, keys] = [createOrderStore(db), createIdempotencyStore(db)];
    const client = uuidv7();
    const names = ['a', 'b', 'c"\\ü'];
    for (const key of names) await store.insert(anOrder(), 60_000, requestFor(key, client));
    const response = (body: string) => ({ status: 201, body });
    const results = await together(
      () => keys.complete(client, 'a', response('first')),
      [
        () => keys.complete(client, 'a', response('second')),
        () => keys.complete(client, 'b', response('{"b":"ü\\n"}')),
        () => keys.complete(client, 'unknown', response('u')),
        () => keys.complete(client, 'b', response('again')),
        () => keys.complete(client, names[2]!, response('\u0000')),
        () => keys.complete(client, names[2]!, response('c')),
      ],
    );
    expect(outcomes(results)).toEqual([
      ...['first', '{"b":"ü\\n"}', 'u', '{"b":"ü\\n"}'].map(response),
      'rejected',
      response('c'),
    ]);
    expect((await keys.find(client, 'b'))?.response).toEqual(response('{"b":"ü\\n"}'));
  });
});

describe('decisions of one batch', () => {
  onServer('find their orders by key, also if the table was small when planned', async () => {
    const { url, drop } = await createServerDatabase(testServer!);
    closers.push(drop);
    const { db, close } = await openServerDatabase(url, 1);
    closers.push(close);
    await migrate(db);
    const store = createOrderStore(db);
    const orders = Array.from({ length: 30 }, () => anOrder());
    for (const order of orders) await store.insert(order, 60_000);
    await sql`analyze orders`.execute(db);
    await sql`set plan_cache_mode = force_generic_plan`.execute(db);
    await together(
      () => store.decide(orders[0]!.id, 'APPROVED'),
      orders.map(
        ({ id }) =>
          () =>
            store.decide(id, 'APPROVED'),
      ),
    );
    const { rows } = await sql<{ name: string }>`
      select name from pg_prepared_statements where statement like '%update orders%'`.execute(db);
    expect(rows).toHaveLength(2);
    for (const { name } of rows) {
      const plan = await sql.raw(`explain execute ${name} (null, null)`).execute(db);
      expect(JSON.stringify(plan.rows)).not.toContain('Seq Scan');
    }
  });

  it('succeed beside orders that are decided, failed or unknown', async () => {
    const onDecided = jest.fn();
    const store = createOrderStore(database().db, { onDecided });
    const [alone, decided, failed, one, other, twice] = Array.from({ length: 6 }, () => anOrder());
    for (const order of [alone, decided, failed, one, other, twice]) {
      await store.insert(order!, 60_000);
    }
    await store.decide(decided!.id, 'REJECTED');
    await store.recordFailure(failed!.id, { reason: 'x', dueInMs: 0, maxAttempts: 1 });
    onDecided.mockClear();
    const results = await together(
      () => store.decide(alone!.id, 'APPROVED'),
      [
        () => store.decide(one!.id, 'APPROVED'),
        () => store.decide(decided!.id, 'APPROVED'),
        () => store.decide(failed!.id, 'APPROVED'),
        () => store.decide('order-unknown', 'APPROVED'),
        () => store.decide(twice!.id, 'REJECTED'),
        () => store.decide('order-\u0000', 'APPROVED'),
        () => store.decide(twice!.id, 'APPROVED'),
        () => store.decide(other!.id, 'REJECTED'),
      ],
    );
    const statuses = results.map((result) =>
      result.status === 'fulfilled' ? result.value.status : 'rejected',
    );
    // Which of two decisions on one order is final is not defined: a batch that takes long does not hold up the next one.
    const [, , , , final] = statuses;
    expect(['APPROVED', 'REJECTED']).toContain(final);
    expect(statuses).toEqual([
      'APPROVED',
      'REJECTED',
      'FAILED',
      'rejected',
      final,
      'rejected',
      final,
      'REJECTED',
    ]);
    expect(onDecided.mock.calls.map(([{ id }]: [Order]) => id).sort()).toEqual(
      [alone, one, other, twice].map((order) => order!.id).sort(),
    );
  });

  it('are made by one statement, and each has its event', async () => {
    const { store, count } = aCountingStore();
    const orders = Array.from({ length: 30 }, () => anOrder());
    for (const order of orders) await store.insert(order, 60_000);
    count.statements = 0;
    await together(
      () => store.decide(orders[0]!.id, 'APPROVED'),
      orders.slice(1).map(
        ({ id }, i) =>
          () =>
            store.decide(id, i % 2 === 0 ? 'APPROVED' : 'REJECTED'),
      ),
    );
    expect(count.statements).toBe(2);
    const { rows } = await sql<{ types: string }>`
      select string_agg(type, ' ' order by seq) as types from order_events
      where order_id = any (${orders.map(({ id }) => id)}) group by order_id`.execute(
      database().db,
    );
    const types = rows.map((row) => row.types.replaceAll('com.loanbuddy.order.', '')).sort();
    expect(types.slice(0, 16)).toEqual(Array(16).fill('checkout_submitted approved'));
    expect(types.slice(16)).toEqual(Array(14).fill('checkout_submitted rejected'));
  });

  it('each notify once: the receivers, the user and the waiting clients', async () => {
    const { db, listen } = database();
    const heard: string[] = [];
    const stop = await listen('order_changed', {
      onNotification: (id) => heard.push(id),
      onGap: () => undefined,
    });
    closers.push(stop);
    const rejected = 'com.loanbuddy.order.rejected';
    await sql`
      insert into webhook_endpoints (id, url, secret, event_types, enabled) values
        ('all', 'http://x', 's', null, true),
        ('rejected', 'http://x', 's', array[${rejected}], true),
        ('disabled', 'http://x', 's', null, false)`.execute(db);
    closers.push(() => sql`delete from webhook_endpoints`.execute(db));
    const store = createOrderStore(db);
    const decisions = (['APPROVED', 'REJECTED', 'APPROVED', 'REJECTED'] as const).map(
      (decision, i) => ({
        order: { ...anOrder(), ...(i < 2 && { email: `u${String(i)}@example.com` }) },
        decision,
      }),
    );
    const alone = anOrder();
    for (const { order } of [{ order: alone }, ...decisions]) await store.insert(order, 60_000);
    if (testServer !== undefined) {
      // Listens in the background.
      await until(async () => {
        await sql`notify order_changed, 'ready'`.execute(db);
        return heard.includes('ready');
      });
    }
    heard.splice(0);
    await together(
      () => store.decide(alone.id, 'APPROVED'),
      decisions.map(
        ({ order, decision }) =>
          () =>
            store.decide(order.id, decision),
      ),
    );
    const ids = decisions.map(({ order }) => order.id);
    const { rows } = await sql`
      select e.order_id as id, e.data ->> 'status' as status,
        array(select endpoint_id from webhook_deliveries d
          where d.id = 'msg_' || replace(e.id::text, '-', '') and d.type = e.type and d.time = e.time
            and d.data::text = e.data::text order by 1) as receivers,
        array(select data ->> 'order_id' from email_jobs m where m.event_id = e.id) as emails
      from order_events e
      where e.order_id = any (${ids}) and e.type not like '%submitted' order by e.order_id`.execute(
      db,
    );
    expect(rows).toEqual(
      decisions.map(({ order: { id, email }, decision }) => ({
        id,
        status: decision,
        receivers: decision === 'REJECTED' ? ['all', 'rejected'] : ['all'],
        emails: email === undefined ? [] : [id],
      })),
    );
    const expected = [alone.id, ...ids].sort();
    await until(() => heard.filter((id) => id !== 'ready').length >= expected.length);
    expect(heard.filter((id) => id !== 'ready').sort()).toEqual(expected);
  });

  onServer('do not wait for an order that another transaction has locked', async () => {
    const store = createOrderStore(database().db);
    const [alone, locked, free] = [anOrder(), anOrder(), anOrder()];
    for (const order of [alone, locked, free]) await store.insert(order, 60_000);
    let isDecided = false;
    let waiting: Promise<unknown>;
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await sql`select from orders where id = ${locked.id} for update`.execute(trx);
        const first = store.decide(alone.id, 'APPROVED');
        waiting = store.decide(locked.id, 'APPROVED').finally(() => (isDecided = true));
        expect(await store.decide(free.id, 'REJECTED')).toMatchObject({ status: 'REJECTED' });
        await first;
        expect(isDecided).toBe(false);
      });
    expect(await waiting!).toMatchObject({ id: locked.id, status: 'APPROVED' });
  });
});

describe('published requests of one batch', () => {
  it('postpone their orders by one statement', async () => {
    const { store, count } = aCountingStore();
    const [alone, decided, ...orders] = Array.from({ length: 20 }, () => anOrder());
    for (const order of [alone!, decided!, ...orders]) await store.insert(order, 0);
    await store.decide(decided!.id, 'REJECTED');
    count.statements = 0;
    const results = await together(
      () => store.markRequested(alone!.id, 60_000),
      [...orders, decided!].map(
        ({ id }, i) =>
          () =>
            store.markRequested(id, i === 0 ? 0 : 60_000),
      ),
    );
    expect(count.statements).toBe(2);
    expect(results.map((result) => result.status === 'fulfilled' && result.value.status)).toEqual([
      ...orders.map(() => 'PENDING'),
      'REJECTED',
    ]);
    const due = await store.claimDue(100, 60_000);
    expect(due).toEqual([expect.objectContaining({ id: orders[0]!.id, isRequested: true })]);
  });

  onServer('do not wait for a locked order', async () => {
    const store = createOrderStore(database().db);
    const [alone, locked, free] = [anOrder(), anOrder(), anOrder()];
    for (const order of [alone, locked, free]) await store.insert(order, 0);
    await database()
      .db.transaction()
      .execute(async (trx) => {
        await sql`select from orders where id = ${locked.id} for update`.execute(trx);
        const results = await together(
          () => store.markRequested(alone.id, 60_000),
          [locked, free].map(
            ({ id }) =>
              () =>
                store.markRequested(id, 60_000),
          ),
        );
        expect(outcomes(results)).toEqual([locked, free]);
      });
    const due = await store.claimDue(100, 60_000);
    expect(due).toEqual([{ ...locked, isRequested: false, traceparent: null }]);
  });
});

/** Runs a statement whenever a transaction that wrote orders commits. */
async function atEachCommit(statement: string) {
  const { db } = database();
  await sql`
    create function at_each_commit() returns trigger language plpgsql as $$
    begin ${sql.raw(statement)} return null; end $$`.execute(db);
  await sql`
    create constraint trigger at_each_commit after insert or update on orders
    deferrable initially deferred for each row execute function at_each_commit()`.execute(db);
  const end = () => sql`drop function if exists at_each_commit cascade`.execute(db);
  closers.push(end);
  return end;
}

describe('a batch of unknown outcome', () => {
  const raise = (state: string) => `raise exception 'not now' using errcode = '${state}';`;
  const failures: [string, string][] = [
    ['its connection is lost at the commit', raise('08006')],
    ['its statement takes too long', raise('57014')],
    ['the disk is full', raise('53100')],
    ...(testServer === undefined
      ? []
      : ([
          ['the server ends its connection', 'perform pg_terminate_backend(pg_backend_pid());'],
        ] satisfies [string, string][])),
  ];

  it.each(failures)('fails for each of its requests if %s', async (_, statement) => {
    const { store, count } = aCountingStore();
    const [alone, decided] = [anOrder(), anOrder()];
    const pending = [anOrder(), anOrder(), anOrder()];
    for (const order of [alone, decided, ...pending]) await store.insert(order, 60_000);
    await store.decide(decided.id, 'APPROVED');
    const end = await atEachCommit(statement);
    count.statements = 0;
    const orders = [anOrder(), anOrder(), anOrder()];
    const inserted = await together(
      () => store.insert(anOrder(), 60_000).catch(() => undefined),
      orders.map((order) => () => store.insert(order, 60_000, requestFor(order.id))),
    );
    const made = await together(
      () => store.decide(alone.id, 'APPROVED').catch(() => undefined),
      [...pending, decided].map(
        ({ id }) =>
          () =>
            store.decide(id, 'APPROVED'),
      ),
    );
    expect(count.statements).toBe(4);
    for (const result of [...inserted, ...made]) {
      expect(result).toMatchObject({ reason: expect.any(DatabaseUnavailableError) as unknown });
    }
    await end();
    expect(await stored(store, orders)).toEqual([false, false, false]);
    for (const { id } of pending) expect(await store.find(id)).toMatchObject({ status: 'PENDING' });
    for (const order of orders) {
      expect(await store.insert(order, 60_000, requestFor(order.id))).toBe(true);
    }
    expect(await store.decide(pending[0]!.id, 'APPROVED')).toMatchObject({ status: 'APPROVED' });
  });
});

/** Cuts the connection instead of sending the response to a matching statement. */
async function startCuttingProxy(statement: RegExp): Promise<number> {
  const proxy = await startProxy((chunk, server, client) => {
    // The response comes after the commit.
    if (statement.test(chunk.toString())) {
      server.removeAllListeners('data').once('data', () => client.destroy());
    }
    server.write(chunk);
  });
  closers.push(proxy.close);
  return proxy.port;
}

describe('a batch that is committed, but its response is lost', () => {
  onServer('fails for each of its requests, and repeated ones find what it wrote', async () => {
    const { url, drop } = await createServerDatabase(testServer!);
    closers.push(drop);
    const direct = await openServerDatabase(url, 1);
    closers.push(direct.close);
    await migrate(direct.db);
    const cutUrl = new URL(url);
    // The statements for several orders.
    cutUrl.port = String(await startCuttingProxy(/json_to_recordset|skip locked/));
    const cut = await openServerDatabase(cutUrl.href, 1);
    closers.push(cut.close);
    const store = createOrderStore(cut.db);
    const alone = anOrder();
    const orders = [anOrder(), anOrder(), anOrder()];
    const inserted = await together(
      () => store.insert(alone, 60_000),
      orders.map((order) => () => store.insert(order, 60_000, requestFor(order.id))),
    );
    const made = await together(
      () => store.decide(alone.id, 'APPROVED'),
      orders.map(
        ({ id }) =>
          () =>
            store.decide(id, 'APPROVED'),
      ),
    );
    for (const result of [...inserted, ...made]) {
      expect(result).toMatchObject({ reason: expect.any(DatabaseUnavailableError) as unknown });
    }
    const again = createOrderStore(direct.db);
    for (const order of orders) {
      expect(await again.insert(anOrder(), 60_000, requestFor(order.id))).toBe(false);
      expect(await again.decide(order.id, 'REJECTED')).toEqual({ ...order, status: 'APPROVED' });
    }
    const { rows } = await sql`
      select count(distinct order_id) as orders, count(*) as events from order_events`.execute(
      direct.db,
    );
    expect(rows).toEqual([{ orders: 4, events: 8 }]);
  });
});

describe('a batch that the server holds up', () => {
  /** Two stores on one database: one with a statement timeout, and connections for another transaction. */
  async function anImpatientStore() {
    const { url, drop } = await createServerDatabase(testServer!);
    closers.push(drop);
    const options = { DATABASE_URL: url, DATA_DIR: '', DATABASE_POOL_SIZE: 3 };
    const { logger } = recordingLogger();
    const impatient = await openDatabase({ ...options, DATABASE_TIMEOUT_MS: 2000 }, logger);
    closers.push(impatient.close);
    await impatient.withoutStatementTimeout((db) => migrate(db));
    const { db, close } = await openServerDatabase(url, 1);
    closers.push(close);
    return { store: createOrderStore(impatient.db), other: db };
  }

  onServer('ends at the statement timeout, and the next ones do not wait for it', async () => {
    const { store, other } = await anImpatientStore();
    const request = requestFor('held');
    await other.transaction().execute(async (trx) => {
      await sql`
        insert into idempotency_keys (user_id, key, fingerprint, order_id, in_flight_until, expires_at)
        values (${request.client}, ${request.key}, 'f', 'o', now(), now() + interval '1 day')`.execute(
        trx,
      );
      let isOver = false;
      const held = store.insert(anOrder(), 60_000, request).finally(() => (isOver = true));
      await turn();
      const beside = store.insert(anOrder(), 60_000, { ...request, key: 'beside' });
      const results = Promise.allSettled([held, beside]);
      await beside;
      const free = store.insert(anOrder(), 60_000, { ...request, key: 'free' });
      expect(await free).toBe(true);
      expect(isOver).toBe(false);
      expect(outcomes(await results)).toEqual(['rejected', true]);
    });
    // The other transaction has committed its key.
    expect(await store.insert(anOrder(), 60_000, request)).toBe(false);
  });

  onServer('by one locked order ends at the statement timeout for this order only', async () => {
    const { store, other } = await anImpatientStore();
    const [alone, locked, ...free] = Array.from({ length: 10 }, () => anOrder());
    for (const order of [alone!, locked!, ...free]) await store.insert(order, 60_000);
    await other.transaction().execute(async (trx) => {
      await sql`select from orders where id = ${locked!.id} for update`.execute(trx);
      const [first, ...others] = await together(
        () => store.decide(alone!.id, 'APPROVED'),
        [locked!, ...free].map(
          ({ id }) =>
            () =>
              store.decide(id, 'APPROVED'),
        ),
      );
      expect(first).toMatchObject({ reason: expect.any(DatabaseUnavailableError) as unknown });
      for (const each of others) expect(each).toMatchObject({ value: { status: 'APPROVED' } });
    });
    expect(await store.find(locked!.id)).toMatchObject({ status: 'PENDING' });
  });
});

describe('two replicas', () => {
  const rounds = 40;
  // The embedded database has one session.
  const isolations =
    testServer === undefined
      ? ['read committed']
      : ['read committed', 'repeatable read', 'serializable'];

  /** Two stores on one database; on a server, each with connections of its own. */
  async function twoReplicas(isolation: string) {
    if (testServer === undefined) return [database().db, database().db] as const;
    const { url, drop } = await createServerDatabase(testServer);
    closers.push(drop);
    const open = async () => {
      const { db, close } = await openServerDatabase(url, 1);
      closers.push(close);
      await migrate(db);
      await sql`set default_transaction_isolation = ${sql.lit(isolation)}`.execute(db);
      return db;
    };
    return [await open(), await open()] as const;
  }

  it.each(isolations)(
    'write the same keys and decisions in opposite order, under %s',
    async (isolation) => {
      const dbs = await twoReplicas(isolation);
      const client = uuidv7();
      const replicas = dbs.map((db, i) => {
        const inOrder = <Item>(items: Item[]) => (i === 0 ? items : items.toReversed());
        return { store: createOrderStore(db), keys: createIdempotencyStore(db), inOrder };
      });
      const onBoth = <Result>(
        work: (replica: (typeof replicas)[number]) => Promise<Result>[],
      ): Promise<Result[][]> =>
        Promise.all(
          replicas.map(async (replica) => replica.inOrder(await Promise.all(work(replica)))),
        );
      for (let round = 0; round < rounds; round++) {
        const names = Array.from({ length: 8 }, (_, i) => `${String(round)} ${String(i)}`);
        const won = await onBoth(({ store, inOrder }) =>
          inOrder(names).map((key) => store.insert(anOrder(), 60_000, requestFor(key, client))),
        );
        for (const i of names.keys())
          expect([won[0]![i], won[1]![i]].sort()).toEqual([false, true]);
        const { keys: anyKeys } = replicas[0]!;
        const known = await Promise.all(names.map((key) => anyKeys.find(client, key)));
        const ids = known.map((key) => key!.orderId);
        const decided = await onBoth(({ store, inOrder }) =>
          inOrder(ids).map((id) =>
            store.decide(id, store === replicas[0]!.store ? 'APPROVED' : 'REJECTED'),
          ),
        );
        for (const i of ids.keys()) expect(decided[0]![i]).toEqual(decided[1]![i]);
        const completed = await onBoth(({ keys, inOrder }) =>
          inOrder(names).map((key) =>
            keys.complete(client, key, { status: 201, body: String(keys === anyKeys) }),
          ),
        );
        expect(completed[0]).toEqual(completed[1]);
      }
      const { rows } = await sql<{ events: number }>`
        select count(*) as events from order_events e join idempotency_keys k on k.order_id = e.order_id
        where k.user_id = ${client}`.execute(dbs[0]);
      expect(rows).toEqual([{ events: rounds * 8 * 2 }]);
    },
  );
});
