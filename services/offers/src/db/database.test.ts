import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { itUnless, recordingLogger } from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import { testServer, withoutServer } from '../../test/database';
import { openDatabase } from './database';
import { FolderInUseError, type Holder } from './folder-lock';
import { DatabaseStartError } from './session';
import { DatabaseUnavailableError } from './unavailable';

const folder = mkdtempSync(join(tmpdir(), 'database-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const open = (DATABASE_URL?: string) =>
  openDatabase(
    { DATABASE_URL, DATA_DIR: folder, DATABASE_POOL_SIZE: 2, DATABASE_TIMEOUT_MS: 500 },
    recordingLogger().logger,
  );

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
