import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { CamelCasePlugin, Kysely, PostgresDialect, sql, type PostgresPool } from 'kysely';
import { lockFolder } from './folder-lock';
import { createPostgresListen, type Listen } from './listen';
import { measurePool, type PoolUse } from './measured-pool';
import { createPglitePool } from './pglite-pool';
import { createPostgresPool } from './postgres-pool';
import { DatabaseStartError, inspectServer, settingsSql } from './session';
import type { Tables } from './tables';
import { waitForServer } from './wait-for-server';

/** The database of the orders: a PostgreSQL server, or one embedded in this process. */
export interface Database {
  db: Kysely<Tables>;
  /** Runs long work, such as a schema change, without a statement timeout. */
  withoutStatementTimeout: <T>(work: (db: Kysely<Tables>) => Promise<T>) => Promise<T>;
  listen: Listen;
  /** Whether other processes may use it at the same time. */
  isShared: boolean;
  /** @throws {DatabaseUnavailableError} if it does not respond. */
  ping: () => Promise<void>;
  /** How its connections are used now. */
  poolUse: () => PoolUse;
  /** Closes it after running queries finish. */
  close: () => Promise<void>;
}

export interface DatabaseOptions {
  /** `postgres://…` for a server, `memory:` for an in-memory database, undefined for one in `DATA_DIR`. */
  DATABASE_URL?: string | undefined;
  DATA_DIR: string;
  /** Maximum connections to a server. */
  DATABASE_POOL_SIZE: number;
  /** Time limit for connecting to a server, and for one statement, in milliseconds. */
  DATABASE_TIMEOUT_MS: number;
  /** How long to wait for a server that is not there yet, in milliseconds. Default: 0. */
  waitMs?: number;
}

/** PGlite allocates 128 MB of buffers by default; a laptop's orders need no more than this. */
const PGLITE_SETTINGS = [
  'shared_buffers = 16MB',
  'max_connections = 4',
  // Without this, PGlite does not stop the timer of its progress messages after a recovery.
  'log_startup_progress_interval = 0',
];

/**
 * Opens the database without changing its schema.
 *
 * @throws {StartError} if another process uses the folder, or the server is still unreachable after `waitMs` or refuses
 * the connection.
 */
export async function openDatabase(options: DatabaseOptions, logger: Logger): Promise<Database> {
  const { DATABASE_URL: url, DATA_DIR } = options;
  if (url === undefined) return openFolder(DATA_DIR, logger);
  if (url === 'memory:') return embedded(await openPglite('memory://'), logger);
  return openServer(url, options, logger);
}

async function openServer(
  url: string,
  options: DatabaseOptions,
  logger: Logger,
): Promise<Database> {
  const { DATABASE_POOL_SIZE: size, DATABASE_TIMEOUT_MS: timeoutMs, waitMs = 0 } = options;
  const config = {
    connectionString: url,
    application_name: 'offers',
    connectionTimeoutMillis: timeoutMs,
    keepAlive: true,
  };
  const refuse = (error: unknown): never => {
    if (error instanceof DatabaseStartError) throw error;
    const cause = (error as Error).cause ?? error;
    // A name with several addresses: only the errors in it have a message.
    const { message, code } = cause as NodeJS.ErrnoException;
    const reason = message || String(code);
    throw new DatabaseStartError(`the database at DATABASE_URL cannot be used: ${reason}`, {
      cause: error,
    });
  };
  const inspect = () => inspectServer({ ...config, query_timeout: timeoutMs });
  const found = await waitForServer(inspect, waitMs, logger).catch(refuse);
  const server = { ...found, config };
  const { pool, use: poolUse } = measurePool(
    createPostgresPool({ ...server, size, statementTimeoutMs: timeoutMs }, logger),
    size,
  );
  const db = kyselyOver(pool);
  await ping(db).catch(async (error: unknown) => {
    await db.destroy();
    refuse(error);
  });
  const unlimited = kyselyOver(createPostgresPool({ ...server, size: 1 }, logger));
  return {
    db,
    withoutStatementTimeout: (work) => work(unlimited),
    listen: createPostgresListen(server, logger),
    isShared: true,
    ping: () => ping(db),
    poolUse,
    close: async () => {
      await Promise.all([db.destroy(), unlimited.destroy()]);
    },
  };
}

async function openFolder(folder: string, logger: Logger): Promise<Database> {
  const lock = await lockFolder(folder, () => {
    // Two processes writing to one folder would corrupt it.
    logger.fatal({ folder }, 'database folder lock lost to another process');
    process.exit(1);
  });
  try {
    const data = join(folder, 'pgdata');
    if (!existsSync(data)) await createData(data);
    const database = embedded(await openPglite(data), logger);
    return { ...database, close: () => database.close().then(lock.release) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Creates the data in a temporary folder, so that an interrupted run does not leave a partial database. */
async function createData(data: string): Promise<void> {
  const aside = `${data}.new`;
  rmSync(aside, { recursive: true, force: true });
  const pglite = await openPglite(aside);
  // Close and reopen: the 500 MB that creation takes are freed only then.
  await pglite.close();
  renameSync(aside, data);
}

/** @param copy initial content: what `dumpDataDir` of another database returned */
export async function openPglite(dataDir: string, copy?: Blob): Promise<PGlite> {
  const pglite = await PGlite.create(dataDir, {
    postgresqlconf: PGLITE_SETTINGS,
    ...(copy && { loadDataDir: copy }),
  });
  await pglite.exec(settingsSql({ schema: 'public' }));
  return pglite;
}

/** Wraps a database embedded in this process. */
export function embedded(pglite: PGlite, logger: Logger): Database {
  const onBroken = (error: unknown) => {
    // Committed data is in the folder, so a new process recovers it.
    logger.fatal({ err: error }, 'the embedded database failed');
    process.exit(1);
  };
  const { pool, use: poolUse } = measurePool(createPglitePool(pglite, onBroken), 1);
  const db = kyselyOver(pool);
  /** Work of PGlite's own, between two messages of a statement, would end its transaction. */
  const alone = <T>(work: () => Promise<T>) => db.connection().execute(() => work());
  return {
    db,
    withoutStatementTimeout: (work) => work(db),
    isShared: false,
    // No other process writes to it, and no notification can be lost.
    listen: async (channel, { onNotification }) => {
      const stop = await alone(() => pglite.listen(channel, onNotification));
      return () => (pglite.closed ? Promise.resolve() : alone(stop));
    },
    ping: () => ping(db),
    poolUse,
    close: async () => {
      // Ends the pool only if it was used.
      await db.destroy();
      if (!pglite.closed) await pglite.close();
    },
  };
}

function kyselyOver(pool: PostgresPool): Kysely<Tables> {
  // JSON keeps its keys: they are what clients see.
  const plugins = [new CamelCasePlugin({ maintainNestedObjectKeys: true })];
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }), plugins });
}

async function ping(db: Kysely<Tables>): Promise<void> {
  await sql`select 1`.execute(db);
}
