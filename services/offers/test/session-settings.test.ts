// Long, because direct sessions, PgBouncer and the choice of a schema are checked by the same checkout.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeUnless, recordingLogger, until } from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import request from 'supertest';
import { openDatabase, type Database } from '../src/db/database';
import { migrate } from '../src/db/migrate';
import { createEventLog } from '../src/events/event-log';
import { createOrderFeed } from '../src/events/order-feed';
import { inspectServer } from '../src/db/session';
import { anOrder } from './builders';
import { serviceOn } from './service';
import { freePort } from '../../../e2e/support/free-port';
import { createServerDatabase, runOn, startProxy, testServer, withoutServer } from './database';
import { openInMemory } from './embedded-database';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** An empty database. Its `alter` runs `alter database … STATEMENT`. */
async function aDatabase(server = testServer!) {
  const { url, drop } = await createServerDatabase(server);
  closers.push(drop);
  const name = new URL(url).pathname.slice(1);
  return {
    url,
    name,
    alter: (statement: string) => runOn(server, `alter database ${name} ${statement}`),
  };
}

async function open(url: string): Promise<Database> {
  const database = await openDatabase(
    { DATABASE_URL: url, DATA_DIR: '', DATABASE_POOL_SIZE: 3, DATABASE_TIMEOUT_MS: 20_000 },
    recordingLogger().logger,
  );
  closers.push(database.close);
  return database;
}

async function serviceAt(url: string) {
  const database = await open(url);
  const migrated = await database.withoutStatementTimeout((db) => migrate(db));
  const { db, listen } = database;
  const feed = await createOrderFeed({ listen, log: createEventLog(db) });
  closers.push(feed.close);
  const service = serviceOn({ database, feed });
  closers.push(service.close);
  return { ...service, migrated, database };
}

/** Checks out, reads the order back in every way, and counts the orders. */
async function expectToWork(url: string): Promise<void> {
  const { app, db } = await serviceAt(url);
  // Longer than the statement timeouts below, which are the shortest that docs/configuration.md allows.
  await sql`select pg_sleep(0.15)`.execute(db);
  const { body } = await request(app)
    .post('/checkout')
    .set('Idempotency-Key', 'k')
    .send({ user_id: 'zoe', loan_id: 'offer2' })
    .expect(201);
  const order = body as { id: string; created_at: string };
  expect(order).toMatchObject({ status: 'APPROVED' });
  expect(Math.abs(Date.parse(order.created_at) - Date.now())).toBeLessThan(60_000);
  const { body: read } = await request(app).get(`/orders/${order.id}`).expect(200);
  expect(read).toMatchObject(order);
  const { body: listed } = await request(app).get('/orders?user_id=zoe').expect(200);
  expect(listed).toMatchObject([order]);
  const stream = await request(app).get(`/orders/${order.id}/events`).expect(200);
  expect(stream.text).toContain('order.approved');
  expect(stream.text).toContain(`"created_at":"${order.created_at.slice(0, -1)}`);
  const { rows } = await sql`
    select current_setting('synchronous_commit') as commit, current_setting('lock_timeout') as wait`.execute(
    db,
  );
  expect(rows).toEqual([{ commit: 'on', wait: '0' }]);
}

const settings = [
  "datestyle to 'German, DMY'",
  "datestyle to 'SQL, DMY'",
  "datestyle to 'Postgres, MDY'",
  "timezone to 'Pacific/Apia'",
  "timezone to 'Europe/Dublin'",
  "intervalstyle to 'iso_8601'",
  'extra_float_digits to -15',
  "bytea_output to 'escape'",
  "client_encoding to 'LATIN1'",
  'standard_conforming_strings to off',
  'array_nulls to off',
  'transform_null_equals to on',
  "default_transaction_isolation to 'serializable'",
  "default_transaction_isolation to 'repeatable read'",
  'default_transaction_read_only to on',
  'default_transaction_deferrable to on',
  'synchronous_commit to off',
  "session_replication_role to 'replica'",
  'row_security to off',
  'exit_on_error to on',
  "statement_timeout to '100ms'",
  "lock_timeout to '1ms'",
  "idle_in_transaction_session_timeout to '1ms'",
  "search_path to 'nowhere'",
  "search_path to ''",
  'search_path to pg_catalog',
  "lc_messages to 'C'",
  'enable_indexscan to off',
  'jit_above_cost to 0',
  "default_toast_compression to 'pglz'",
];

/** Those with the worst effects. */
const difficult = [
  "datestyle to 'German, DMY'",
  "default_transaction_isolation to 'serializable'",
  'default_transaction_read_only to on',
  "statement_timeout to '100ms'",
  "idle_in_transaction_session_timeout to '1ms'",
  'session_replication_role to replica',
  'synchronous_commit to off',
  "search_path to 'nowhere'",
];

describeUnless(withoutServer)('offers on PostgreSQL', () => {
  it.each(settings)('works the same on a database with %s', async (setting) => {
    const { url, alter } = await aDatabase();
    await alter(`set ${setting}`);
    await expectToWork(url);
  });

  it('keeps idle sessions on a database with idle_session_timeout', async () => {
    const { url, alter } = await aDatabase();
    await alter("set idle_session_timeout to '1s'");
    const { db, listen } = await open(url);
    let isListening = false;
    const onGap = () => {
      isListening = true;
    };
    closers.push(await listen('x', { onNotification: () => undefined, onGap }));
    await until(() => isListening);
    const sessions = sql<{ pid: number }>`
      select pid from pg_stat_activity where datname = current_database() order by pid`;
    const { rows } = await sessions.execute(db);
    expect(rows).toHaveLength(2);
    // The server ends idle sessions meanwhile. With a shorter timeout, it may end one before that is set up.
    await sleep(1200);
    expect((await sessions.execute(db)).rows).toEqual(rows);
  });

  it.each(difficult)('works the same for a role with %s', async (setting) => {
    const { url, name } = await aDatabase();
    await runOn(testServer!, `create role ${name} superuser login`);
    closers.push(() => runOn(testServer!, `drop role ${name}`));
    // Dropped before the role.
    closers.push(closers.shift()!);
    await runOn(testServer!, `alter role ${name} set ${setting}`);
    const as = new URL(url);
    as.username = name;
    await expectToWork(as.href);
  });

  it.each(['datestyle=SQL', 'default_transaction_read_only=on', 'statement_timeout=100'])(
    'works the same with %s in the URL or in PGOPTIONS',
    async (setting) => {
      const { url } = await aDatabase();
      await expectToWork(`${url}?options=-c%20${setting}`);
      const other = await aDatabase();
      process.env['PGOPTIONS'] = `-c ${setting}`;
      closers.push(() => Promise.resolve(delete process.env['PGOPTIONS']));
      await expectToWork(other.url);
    },
  );
});

const withoutPgBouncer =
  withoutServer ??
  (spawnSync('pgbouncer', ['--version']).status === 0 ? undefined : 'no pgbouncer on the PATH');

/** Starts PgBouncer in front of the test server. Returns its port. */
async function startPgBouncer(poolMode: string, poolSize: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'pgbouncer-'));
  const port = String(await freePort());
  const server = new URL(testServer!);
  writeFileSync(join(folder, 'users'), `"${server.username}" "${server.password}"`);
  writeFileSync(
    join(folder, 'ini'),
    `[databases]
* = host=${server.hostname} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, 'users')}
pool_mode = ${poolMode}
default_pool_size = ${String(poolSize)}`,
  );
  chmodSync(folder, 0o755);
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: 65_534 } : {};
  const child = spawn('pgbouncer', [join(folder, 'ini')], { ...user, stdio: 'ignore' });
  closers.push(async () => {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    rmSync(folder, { recursive: true });
  });
  await until(() => isListening(port));
  return port;
}

function isListening(port: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', (failed) => {
      resolve(!failed);
    });
  });
}

describeUnless(withoutPgBouncer)('offers behind PgBouncer', () => {
  async function aPooledDatabase(poolMode: string, poolSize: number) {
    const { url, alter } = await aDatabase();
    const pooled = new URL(url);
    pooled.port = await startPgBouncer(poolMode, poolSize);
    // Dropped after PgBouncer has stopped.
    return { url: pooled.href, alter };
  }

  it.each([
    ['session', 30],
    ['transaction', 3],
    ['transaction', 1],
  ])('works the same in %s mode', async (poolMode, poolSize) => {
    const { url, alter } = await aPooledDatabase(poolMode, poolSize);
    for (const setting of difficult) await alter(`set ${setting}`);
    await expectToWork(url);
    const [here, there] = [await serviceAt(url), await serviceAt(url)];
    const responses = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        request(i % 2 === 0 ? here.app : there.app)
          .post('/checkout')
          .set('Idempotency-Key', `key ${String(i)}`)
          .send({ user_id: 'yan', loan_id: 'offer2' }),
      ),
    );
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([201]));
    const { body: listed } = await request(here.app).get('/orders?user_id=yan&limit=100');
    expect(listed).toHaveLength(60);
  });

  it.each(['session', 'transaction'])(
    'notices decisions of other replicas in %s mode',
    async (poolMode) => {
      const { url } = await aPooledDatabase(poolMode, 20);
      const [here, there] = [await serviceAt(url), await serviceAt(url)];
      const order = anOrder();
      await here.orders.insert(order, 60_000);
      const startedAt = Date.now();
      const waiting = request(here.app)
        .get(`/orders/${order.id}`)
        .set('Prefer', 'wait=30')
        .then(({ body }) => body as object);
      setTimeout(() => void there.orders.decide(order.id, 'APPROVED'), 500);
      expect(await waiting).toMatchObject({ status: 'APPROVED' });
      expect(Date.now() - startedAt).toBeLessThan(3000);
    },
  );

  it('knows whether sessions are shared', async () => {
    const config = (url: string) => ({ connectionString: url });
    const direct = await aDatabase();
    expect(await inspectServer(config(direct.url))).toMatchObject({ sharesSessions: false });
    const session = await aPooledDatabase('session', 2);
    expect(await inspectServer(config(session.url))).toMatchObject({ sharesSessions: false });
    const transaction = await aPooledDatabase('transaction', 20);
    for (let i = 0; i < 20; i += 1) {
      expect(await inspectServer(config(transaction.url))).toMatchObject({ sharesSessions: true });
    }
  });
});

describeUnless(withoutServer)('the schema of the tables', () => {
  const tablesIn = async ({ db }: Database) => {
    const { rows } = await sql<{ schema: string }>`
      select schemaname as schema from pg_tables where tablename = 'orders' order by 1`.execute(db);
    return rows.map(({ schema }) => schema);
  };

  it('is the first of the search path', async () => {
    const { url, alter } = await aDatabase();
    await runOn(url, 'create schema "Loans"');
    await alter('set search_path to "Loans"');
    await expectToWork(url);
    expect(await tablesIn(await open(url))).toEqual(['Loans']);
  });

  it('stays the same if the search path of the database changes', async () => {
    const { url, alter } = await aDatabase();
    expect((await serviceAt(url)).migrated).not.toEqual([]);
    await runOn(url, 'create schema other');
    await alter('set search_path to other');
    expect((await serviceAt(url)).migrated).toEqual([]);
    expect(await tablesIn(await open(url))).toEqual(['public']);
  });

  it('can be another one, named in the URL', async () => {
    const { url } = await aDatabase();
    await serviceAt(url);
    await runOn(url, 'create schema other');
    const other = `${url}?options=-c%20search_path%3Dother`;
    await expectToWork(other);
    expect(await tablesIn(await open(url))).toEqual(['other', 'public']);
    expect((await serviceAt(url)).migrated).toEqual([]);
    await runOn(
      url,
      'drop schema public cascade; create schema third; create table third.orders (id int); create table third.kysely_migration (id int)',
    );
    await expect(open(url)).rejects.toThrow(
      /has tables of offers in other, third, but search_path leads to no schema; name one in the URL/,
    );
  });

  it('must be named if the role has another one', async () => {
    const { url, name } = await aDatabase();
    await serviceAt(url);
    await runOn(url, 'create schema other');
    await runOn(url, `alter role postgres in database ${name} set search_path to other`);
    await expect(open(url)).rejects.toThrow(
      'the database at DATABASE_URL has tables of offers in public, but search_path leads to other; name one in the URL: ?options=-c%20search_path%3Dpublic',
    );
    await expectToWork(`${url}?options=-c%20search_path%3Dpublic`);
  });
});

describeUnless(withoutServer)('a database that offers cannot use', () => {
  it('has another encoding', async () => {
    const { name } = await aDatabase();
    const latin = `${name}_latin`;
    await runOn(
      testServer!,
      `create database ${latin} encoding 'LATIN1' locale 'C' template template0`,
    );
    closers.push(() => runOn(testServer!, `drop database ${latin} with (force)`));
    const url = new URL(testServer!);
    url.pathname = latin;
    await expect(open(url.href)).rejects.toThrow(
      'the database at DATABASE_URL has the encoding LATIN1; create it with UTF8',
    );
  });

  it('ends its sessions too soon', async () => {
    const { url, alter } = await aDatabase();
    await alter("set idle_session_timeout to '1ms'");
    const slow = await startProxy((chunk, server) => setTimeout(() => server.write(chunk), 50));
    closers.push(slow.close);
    const slowUrl = new URL(url);
    slowUrl.port = String(slow.port);
    await expect(open(slowUrl.href)).rejects.toThrow(
      'the database at DATABASE_URL cannot be used: terminating connection due to idle-session timeout',
    );
  });

  it('gives its role no rights', async () => {
    const { url, name } = await aDatabase();
    await runOn(testServer!, `create role ${name} login`);
    closers.push(() => runOn(testServer!, `drop role ${name}`));
    // Dropped before the role.
    closers.push(closers.shift()!);
    const as = new URL(url);
    as.username = name;
    await expect(serviceAt(as.href)).rejects.toThrow(/permission denied for schema public/);
    await serviceAt(url);
    await expect(serviceAt(as.href)).rejects.toThrow(
      `the role ${name} has no rights to the tables email_jobs, idempotency_keys, kysely_migration, order_events, orders, rate_limit_usage, webhook_deliveries, webhook_endpoints`,
    );
    await runOn(url, `grant select on all tables in schema public to ${name}`);
    await runOn(url, `grant insert, update, delete on orders to ${name}`);
    await expect(serviceAt(as.href)).rejects.toThrow(/no rights to the tables email_jobs, idem/);
    await runOn(url, `grant insert, update, delete on all tables in schema public to ${name}`);
    await expectToWork(as.href);
    await runOn(url, 'revoke usage on schema public from public');
    await expect(serviceAt(as.href)).rejects.toThrow('the role may use no schema of search_path');
  });

  it('disables triggers for a role that may not enable them', async () => {
    const { url, name } = await aDatabase();
    await runOn(testServer!, `create role ${name} login; grant all on database ${name} to ${name}`);
    closers.push(() => runOn(testServer!, `drop role ${name}`));
    closers.push(closers.shift()!);
    await runOn(testServer!, `alter role ${name} set session_replication_role to replica`);
    const as = new URL(url);
    as.username = name;
    await expect(open(as.href)).rejects.toThrow(
      'the database at DATABASE_URL cannot be used: permission denied to set parameter "session_replication_role"',
    );
  });
});

it('works the same on an embedded database with other settings', async () => {
  const { db, close } = await openInMemory({ migrated: false });
  closers.push(close);
  const { rows } = await sql`
    select current_setting('datestyle') as style, current_setting('timezone') as zone`.execute(db);
  expect(rows).toEqual([{ style: 'ISO, MDY', zone: 'UTC' }]);
});
