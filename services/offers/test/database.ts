import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { Client } from 'pg';
import { openDatabase, type Database } from '../src/db/database';
import { migrate } from '../src/db/migrate';
import { recordingLogger, startTcpServer, type LocalServer } from '@loan-buddy/kit/testing';
import { openInMemory } from './embedded-database';

/** The PostgreSQL server to test with; without one, tests use the embedded database. */
export const testServer = process.env['TEST_DATABASE_URL'];

/** Why tests that need a server are skipped: the embedded database has only one session. */
export const withoutServer =
  testServer === undefined ? 'no PostgreSQL server to test on (TEST_DATABASE_URL)' : undefined;

/** Creates an empty database on the server. */
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

/**
 * Starts a proxy in front of the test server.
 *
 * @param send passes a chunk from the client to the server
 */
export function startProxy(
  send: (chunk: Buffer, server: Socket, client: Socket) => void,
): Promise<LocalServer> {
  const { hostname, port } = new URL(testServer!);
  return startTcpServer((client) => {
    const server = connect(Number(port), hostname);
    server.on('error', () => undefined);
    server.on('data', (chunk) => client.write(chunk));
    server.on('end', () => client.end());
    client.on('data', (chunk) => {
      send(chunk, server, client);
    });
    client.on('close', () => server.destroy());
  });
}

/** A database for the tests of one file, with the current schema. */
export function useDatabase(options: { migrated?: boolean } = {}): () => Database {
  const { migrated = true } = options;
  let database: Database;
  let drop: () => Promise<void> = () => Promise.resolve();
  beforeAll(async () => {
    if (testServer === undefined) database = await openInMemory({ migrated });
    else {
      const created = await createServerDatabase(testServer);
      drop = created.drop;
      database = await openServerDatabase(created.url);
      if (migrated) await migrate(database.db);
    }
  });
  afterAll(async () => {
    await database.close();
    await drop();
  });
  return () => database;
}

/** Opens a database on a server. The timeout only ends a statement that hangs. */
export function openServerDatabase(url: string, poolSize = 5): Promise<Database> {
  return openDatabase(
    {
      DATABASE_URL: url,
      DATA_DIR: '',
      DATABASE_POOL_SIZE: poolSize,
      DATABASE_TIMEOUT_MS: 60_000,
    },
    recordingLogger().logger,
  );
}
