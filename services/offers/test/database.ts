import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { openDatabase, type Database } from '../src/db/database';
import { migrate } from '../src/db/migrate';
import { recordingLogger } from '@loan-buddy/kit/testing';

/** The PostgreSQL server to test with; without one, tests use the embedded database. */
export const testServer = process.env['TEST_DATABASE_URL'];

/** A new empty database on that server. */
export async function createServerDatabase(server: string) {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await runOn(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = name;
  return { url: url.href, drop: () => runOn(server, `drop database ${name} with (force)`) };
}

export async function runOn(server: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: server });
  await client.connect();
  await client.query(statement);
  await client.end();
}

/** A database of their own for the tests of this file, with the schema in place. */
export function useDatabase(options: { migrated?: boolean } = {}): () => Database {
  let database: Database;
  let drop: () => Promise<void> = () => Promise.resolve();
  beforeAll(async () => {
    let url = 'memory:';
    if (testServer !== undefined) ({ url, drop } = await createServerDatabase(testServer));
    database = await openDatabase(
      { DATABASE_URL: url, DATA_DIR: '', DATABASE_POOL_SIZE: 5, DATABASE_TIMEOUT_MS: 5000 },
      recordingLogger().logger,
    );
    if (options.migrated ?? true) await migrate(database.db);
  }, 60_000);
  afterAll(async () => {
    await database.close();
    await drop();
  });
  return () => database;
}
