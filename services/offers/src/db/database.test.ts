import dns from 'node:dns';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { itUnless, recordingLogger, startTcpServer } from '@loan-buddy/kit/testing';
import { CompiledQuery, sql } from 'kysely';
import { testServer, withoutServer } from '../../test/database';
import { embedded, openDatabase, openPglite } from './database';
import { FolderInUseError, type Holder } from './folder-lock';
import { prepared } from './prepared';
import { DatabaseStartError } from './session';
import { DatabaseUnavailableError } from './unavailable';

type LookupDone = (error: null, addresses: dns.LookupAddress[]) => void;

const folder = mkdtempSync(join(tmpdir(), 'database-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const options = { DATA_DIR: folder, DATABASE_POOL_SIZE: 2, DATABASE_TIMEOUT_MS: 500 };

const open = (DATABASE_URL?: string) =>
  openDatabase({ ...options, DATABASE_URL }, recordingLogger().logger);

/** The message with which a PostgreSQL server refuses a connection. */
function refusal(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.from('E....');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

itUnless(withoutServer)(
  'prepares marked statements once, and again if one is gone or no longer fits',
  async () => {
    const { db, close } = await open(testServer);
    const statement = CompiledQuery.raw(prepared('select id from numbers')) as CompiledQuery<{
      id: number;
    }>;
    const read = () => db.executeQuery(statement);
    for (const change of ['deallocate all', 'alter table numbers alter id type bigint']) {
      // On a new connection: the last one was replaced.
      await sql`create temporary table numbers (id int)`.execute(db);
      await sql`insert into numbers values (1)`.execute(db);
      for (let i = 0; i < 2; i++) expect((await read()).rows).toEqual([{ id: 1 }]);
      expect((await preparedCount.execute(db)).rows).toEqual([{ count: 1 }]);
      await sql.raw(change).execute(db);
      await expect(read()).rejects.toThrow(DatabaseUnavailableError);
    }
    await close();
  },
);

const preparedCount = sql`select count(*) from pg_prepared_statements`;

describe('the embedded database', () => {
  it('prepares marked statements once', async () => {
    const { db, close } = await open('memory:');
    const statement = CompiledQuery.raw(prepared('select 1 as one'));
    for (let i = 0; i < 2; i++) {
      expect((await db.executeQuery(statement)).rows).toEqual([{ one: 1 }]);
      expect((await preparedCount.execute(db)).rows).toEqual([{ count: 1 }]);
    }
    await close();
  });

  it('leaves no statement waiting when it closes', async () => {
    const { db, close, ping } = await open('memory:');
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const holder = db.connection().execute(() => held);
    const waiting = [ping(), ping()];
    await turn();
    const closed = close();
    release();
    await Promise.all([holder, closed]);
    await Promise.allSettled(waiting);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('memory access out of bounds'))],
    ['stops in the middle of a statement', () => Promise.resolve([])],
  ])('ends the process if PGlite %s, but not if a statement fails', async (_, fail) => {
    const pglite = await openPglite('memory://');
    const { logger, lines } = recordingLogger();
    const { db, ping } = embedded(pglite, logger);
    const exit = jest.spyOn(process, 'exit').mockReturnValue(undefined as never);
    await expect(sql`select 1 / 0`.execute(db)).rejects.toThrow('division by zero');
    await expect(sql`select 1 / ${0}::int`.execute(db)).rejects.toThrow('division by zero');
    await ping();
    expect(exit).not.toHaveBeenCalled();
    jest.spyOn(pglite, 'execProtocolStream').mockImplementation(fail);
    await expect(sql`select ${1}::int`.execute(db)).rejects.toThrow(DatabaseUnavailableError);
    expect(exit).toHaveBeenCalledWith(1);
    expect(lines[0]).toMatchObject({ level: 'fatal', msg: 'the embedded database failed' });
    jest.restoreAllMocks();
    await pglite.close();
  });
});

describe('openDatabase', () => {
  it('persists data in its folder, and releases the folder', async () => {
    const first = await open();
    await first.withoutStatementTimeout((db) => sql`create table kept (id int)`.execute(db));
    await sql`insert into kept values (1), (2)`.execute(first.db);
    await first.close();
    expect(readdirSync(folder)).toEqual(['pgdata']);

    const second = await open();
    const { rows } = await sql`select id from kept order by id`.execute(second.db);
    expect(rows).toEqual([{ id: 1 }, { id: 2 }]);
    const update = await sql`update kept set id = 3`.execute(second.db);
    expect(update.numAffectedRows).toBe(2n);
    await second.close();
  });

  it('rolls back a failed transaction, and isolates it from others', async () => {
    const { db, close, ping } = await open('memory:');
    await ping();
    await sql`create table t (id int primary key)`.execute(db);
    const failing = db.transaction().execute(async (trx) => {
      await sql`insert into t values (1)`.execute(trx);
      await sql`insert into t values (1)`.execute(trx);
    });
    const other = sql`insert into t values (2)`.execute(db);
    await expect(failing).rejects.toThrow(/duplicate key/);
    await other;
    expect((await sql`select id from t`.execute(db)).rows).toEqual([{ id: 2 }]);
    const full = sql`do $$ begin raise exception 'full' using errcode = '53100'; end $$`;
    await expect(full.execute(db)).rejects.toThrow(DatabaseUnavailableError);
    await close();
  });

  it('refuses a folder that is in use', async () => {
    const lock = join(folder, 'lock');
    const first = await open();
    const holder = JSON.parse(readFileSync(lock, 'utf8')) as Holder;
    await first.close();
    // As another live process leaves it: a lock with our own pid could only be from an earlier process.
    writeFileSync(lock, JSON.stringify({ ...holder, pid: process.ppid }));
    await expect(open()).rejects.toThrow(FolderInUseError);
    rmSync(lock);
  });

  it('refuses to start without its server', async () => {
    const opening = open('postgres://nobody:secret@127.0.0.1:1/none');
    await expect(opening).rejects.toThrow(DatabaseStartError);
    await expect(opening).rejects.toThrow(/cannot be used: connect ECONNREFUSED [^\n]+$/);
  });

  it('says why it cannot reach a name with several addresses', async () => {
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
    jest.spyOn(dns, 'lookup').mockImplementation(((_: string, __: object, done: LookupDone) => {
      done(null, addresses);
    }) as typeof dns.lookup);
    await expect(open('postgres://database:1/none')).rejects.toThrow(/: ECONNREFUSED$/);
  });

  it.each([
    ['starts', (socket: Socket) => socket.end(refusal('57P03', 'starting up'))],
    ['closes the connection', (socket: Socket) => socket.end()],
    ['resets the connection', (socket: Socket) => socket.resetAndDestroy()],
    ['is silent', () => undefined],
  ])('waits for a server that %s, but not for one that refuses the password', async (_, first) => {
    let connections = 0;
    const { port, close } = await startTcpServer((socket) => {
      socket.once('data', () => {
        // An attempt opens two.
        if (++connections <= 2) first(socket);
        else socket.end(refusal('28P01', 'wrong password'));
      });
    });
    const { logger, lines } = recordingLogger();
    const DATABASE_URL = `postgres://nobody:secret@127.0.0.1:${String(port)}/none`;
    const opening = openDatabase({ ...options, DATABASE_URL, waitMs: 60_000 }, logger);
    const error = await opening.catch((failure: unknown) => failure);
    await close();
    expect(error).toBeInstanceOf(DatabaseStartError);
    expect((error as Error).message).toMatch(/cannot be used: wrong password$/);
    expect(lines).toMatchObject([{ level: 'warn', msg: 'waiting for the database' }]);
  });
});

itUnless(withoutServer)('a statement that takes longer than it may is broken off', async () => {
  const { db, close } = await open(testServer);
  try {
    await expect(sql`select pg_sleep(60)`.execute(db)).rejects.toThrow(DatabaseUnavailableError);
  } finally {
    await close();
  }
});
