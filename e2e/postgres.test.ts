/**
 * Long, because every test needs the same server. Several replicas of offers on one PostgreSQL server, and a server
 * that stops.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startHttpServer, until } from '@loan-buddy/kit/testing';
import { Client } from 'pg';
import {
  inLanes,
  inParallel,
  ordersOf,
  postCheckout,
  report,
  rule,
  sendUntilCreated,
  untilFinal,
  type OrderBody,
} from './support/client';
import { atEnd } from './support/at-end';
import { describeWithServer, newServerDatabase, ownServer } from './support/postgres';
import { beginService, failToStart, startService } from './support/service-process';

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  atEnd(() => client.end());
  return client;
}

/** The timeouts by default: a test whose attempts are cut off waits until their leases expire, after 9 s. */
const shortLeases = { CONFIRM_PAYMENT_TIMEOUT_MS: '2000', DATABASE_TIMEOUT_MS: '2000' };

/** Inserts orders like a process that died before it requested the decisions. */
async function insertPending(client: Client, count: number): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, due_at)
     select 'order-' || gen_random_uuid(), 'user-' || i, 'PENDING', now(),
       'offer' || (1 + i % 3), 'Provider', 1, case i % 3 when 2 then 9000 else 12000 end, now()
     from generate_series(1, $1) i returning id`,
    [count],
  );
  return rows.map(({ id }) => id);
}

describeWithServer('on one PostgreSQL server', () => {
  it('two replicas start at once on an empty database, and share 1,000 pending orders', async () => {
    const confirmPayment = await startService('confirm-payment');
    const env = {
      DATABASE_URL: await newServerDatabase(),
      CONFIRM_PAYMENT_URL: confirmPayment.url,
    };
    const replicas = await Promise.all([startService('offers', env), startService('offers', env)]);
    const migrations = replicas.map(({ log }) => log.filter(({ migrated }) => migrated).length);
    expect(migrations.sort()).toEqual([0, 1]);

    const client = await connect(env.DATABASE_URL);
    const ids = await insertPending(client, 1000);
    const { orders } = await untilFinal(replicas[0].url, ids);
    expect(orders.filter(({ status, loan_id }) => status !== rule[loan_id])).toEqual([]);
    for (const { kill, exit } of [...replicas, confirmPayment]) {
      kill('SIGTERM');
      await exit; // and with it the last lines of its log
    }
    // A confirm-payment on a busy machine may shed requests, which are repeated.
    const done = replicas.map(({ log }) =>
      log
        .filter(({ msg, status }) => msg === 'order processed' && status !== 'PENDING')
        .map(({ orderId }) => orderId),
    );
    const asked = confirmPayment.log.filter(({ route }) => route === '/confirm-payment').length;
    report(
      `PostgreSQL, two replicas, 1000 pending: ${done.map(({ length }) => String(length)).join(' + ')} processed, ` +
        `confirm-payment asked ${String(asked)} times`,
    );
    expect([...new Set(done.flat())]).toHaveLength(1000);
    expect(done.flat()).toHaveLength(1000);
    expect(Math.min(...done.map(({ length }) => length))).toBeGreaterThan(0);
  });

  it('100 concurrent requests with one Idempotency-Key to two replicas make one order', async () => {
    const confirmPayment = await startService('confirm-payment', { SIMULATED_LATENCY_MS: '50' });
    const env = {
      DATABASE_URL: await newServerDatabase(),
      CONFIRM_PAYMENT_URL: confirmPayment.url,
    };
    const replicas = [await startService('offers', env), await startService('offers', env)];
    const body = { user_id: 'cristina', loan_id: 'offer2' };
    const key = { 'Idempotency-Key': randomUUID() };
    let turn = 0;
    const { created, inFlight, shed } = await sendUntilCreated(100, () =>
      postCheckout(replicas[turn++ % 2]!.url, body, key),
    );
    report(
      `PostgreSQL, two replicas, one key 100 times: ${String(inFlight)} × 409 and ${String(shed)} × 503 before the 100 × 201`,
    );
    expect(new Set(created).size).toBe(1);
    expect(await ordersOf(replicas[1]!.url, 'cristina')).toHaveLength(1);
    for (const { url } of replicas) {
      expect(await (await postCheckout(url, body, key)).text()).toBe(created[0]);
    }
  });

  it('a repeated request gets its response from the order if the first process died before it responded', async () => {
    let asked = 0;
    const confirmPayment = await startHttpServer((req, res) => {
      asked += 1;
      req.resume();
      // The first process dies while it waits for this response.
      if (asked > 1) res.end('{"status":"APPROVED"}');
    });
    atEnd(confirmPayment.close);
    const env = {
      DATABASE_URL: await newServerDatabase(),
      CONFIRM_PAYMENT_URL: confirmPayment.url,
    };
    const first = await startService('offers', env);
    const second = await startService('offers', env);
    const body = { user_id: 'cristina', loan_id: 'offer2' };
    const key = { 'Idempotency-Key': 'k' };
    const lost = postCheckout(first.url, body, key).catch(() => undefined);
    await until(() => asked === 1);
    first.kill('SIGKILL');
    expect(await lost).toBeUndefined();
    expect((await postCheckout(second.url, body, key)).status).toBe(409);
    // End the lease now instead of waiting for it.
    const client = await connect(env.DATABASE_URL);
    await client.query('update orders set due_at = now()');
    await client.query('update idempotency_keys set in_flight_until = now()');
    const [order] = await ordersOf(second.url, 'cristina');
    await untilFinal(second.url, [order!.id]);
    const replay = await postCheckout(second.url, body, key);
    const text = await replay.text();
    expect([replay.status, JSON.parse(text)]).toMatchObject([201, { status: 'APPROVED' }]);
    expect(await (await postCheckout(second.url, body, key)).text()).toBe(text);
    expect(await ordersOf(second.url, 'cristina')).toHaveLength(1);
  });

  it('a server that stops and comes back causes 503s, but loses no order', async () => {
    const server = await ownServer();
    const confirmPayment = await startService('confirm-payment');
    const offers = await startService('offers', {
      DATABASE_URL: server.url,
      CONFIRM_PAYMENT_URL: confirmPayment.url,
      ...shortLeases,
      DATABASE_TIMEOUT_MS: '500',
    });
    const acknowledged: OrderBody[] = [];
    const refused: { status: number; retryAfter: string | null; code: unknown }[] = [];
    let isOver = false;
    const isRunning = () => !isOver;
    const buying = inLanes(8, isRunning, async () => {
      const response = await postCheckout(offers.url, { user_id: 'cristina', loan_id: 'offer3' });
      const body = (await response.json()) as OrderBody & { code: unknown };
      if (response.status < 300) acknowledged.push(body);
      else {
        const retryAfter = response.headers.get('retry-after');
        refused.push({ status: response.status, retryAfter, code: body.code });
        await sleep(20);
      }
    });
    await until(() => acknowledged.length >= 50);
    server.stop();
    const listed = await fetch(`${offers.url}/offers`);
    const ready = await fetch(`${offers.url}/readyz`);
    const detail = ((await ready.json()) as { detail: object }).detail;
    const unread = await fetch(`${offers.url}/orders/order-0`);
    await until(() => refused.length >= 20);
    server.start();
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 50);
    isOver = true;
    await buying;
    const { orders } = await untilFinal(
      offers.url,
      acknowledged.map(({ id }) => id),
    );
    report(
      `PostgreSQL stopped under load: ${String(acknowledged.length)} acknowledged, ${String(orders.length)} ` +
        `found and final; ${String(refused.length)} refused with 503`,
    );
    expect(listed.status).toBe(200);
    expect([ready.status, detail]).toMatchObject([200, { database: 'unavailable' }]);
    expect(unread.status).toBe(503);
    for (const each of refused) {
      // A slow machine may shed load as well.
      const code = expect.stringMatching(/^(database-unavailable|overloaded)$/);
      expect(each).toEqual({ status: 503, retryAfter: '1', code });
    }
    expect(refused.some(({ code }) => code === 'database-unavailable')).toBe(true);
    expect(new Set(orders.map(({ status }) => status))).toEqual(new Set(['REJECTED']));
  });

  it('repeatedly cut connections, even in the middle of a transaction, end no process', async () => {
    const confirmPayment = await startService('confirm-payment');
    const env = {
      DATABASE_URL: await newServerDatabase(),
      CONFIRM_PAYMENT_URL: confirmPayment.url,
      ...shortLeases,
    };
    const offers = await startService('offers', env);
    const client = await connect(env.DATABASE_URL);
    const statuses = new Map<number, number>();
    const ids: string[] = [];
    const state = { isOver: false };
    const cutting = (async () => {
      while (!state.isOver) {
        await client.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where application_name = 'offers' and datname = current_database()`,
        );
        await sleep(37);
      }
    })();
    await inParallel(500, 6, async (i) => {
      const body = { user_id: `user-${String(i)}`, loan_id: 'offer2' };
      const key = { 'Idempotency-Key': randomUUID() };
      const response = await postCheckout(offers.url, body, key);
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      const { id } = (await response.json()) as OrderBody;
      if (response.status < 300) ids.push(id);
    });
    state.isOver = true;
    await cutting;
    const { orders } = await untilFinal(offers.url, ids);
    const seen = [...statuses].map(([status, count]) => `${String(count)} × ${String(status)}`);
    report(
      `PostgreSQL, connections cut every 37 ms: ${seen.join(', ')}; ${String(orders.length)} acknowledged, all final`,
    );
    expect([...statuses.keys()].filter((status) => ![201, 202, 503].includes(status))).toEqual([]);
  });

  it('a migration may take longer than DATABASE_TIMEOUT_MS', async () => {
    const env = { DATABASE_URL: await newServerDatabase(), DATABASE_TIMEOUT_MS: '500' };
    const client = await connect(env.DATABASE_URL);
    // A transaction sees one snapshot of pg_stat_activity, so another connection watches.
    const watcher = await connect(env.DATABASE_URL);
    // Kysely's lock for migrations.
    await client.query(`begin; select pg_advisory_xact_lock(3853314791062309107)`);
    const starting = startService('offers', env);
    await until(async () => {
      const { rows } = await watcher.query(
        `select 1 from pg_stat_activity where application_name = 'offers'
         and wait_event_type = 'Lock' and clock_timestamp() - query_start > interval '1 s'`,
      );
      return rows.length > 0;
    });
    await client.query('commit');
    const { log } = await starting;
    expect(log.filter(({ migrated }) => migrated)).toHaveLength(1);
  });

  it('a schema from a newer version is refused', async () => {
    const url = await newServerDatabase();
    const confirmPayment = await startService('confirm-payment');
    const env = { DATABASE_URL: url, CONFIRM_PAYMENT_URL: confirmPayment.url };
    await (await startService('offers', env)).close();
    const client = await connect(url);
    await client.query(`insert into kysely_migration values ('9999-future', 'now')`);
    const { exit, stderr } = await failToStart('offers', env);
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^offers: the database's schema is newer [^\n]*9999-future[^\n]*\n$/);
  });

  it('a start waits for a server that appears later', async () => {
    const server = await ownServer();
    server.stop();
    const { port, log } = await beginService('offers', { DATABASE_URL: server.url });
    const isWaiting = () => log.some(({ msg }) => msg === 'waiting for the database');
    await until(isWaiting);
    server.start();
    const ready = await fetch(`http://127.0.0.1:${String(await port)}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([200, { detail: { database: 'ok' } }]);
    expect(log.filter(({ migrated }) => migrated)).toHaveLength(1);
  });

  it('a database that does not exist stops the start with one line', async () => {
    const url = new URL(await newServerDatabase());
    url.pathname = 'none';
    url.password = 'secret';
    const { exit, stderr } = await failToStart('offers', { DATABASE_URL: url.href });
    expect(exit).toBe(1);
    expect(stderr).toMatch(
      /^offers: the database at DATABASE_URL cannot be used: database "none" does not exist\n$/,
    );
  });
});
