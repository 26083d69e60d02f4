import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { StartError, type Logger } from '@loan-buddy/kit';
import { Kysely, PostgresDialect, sql, type PostgresPool } from 'kysely';
import { lockFolder } from './folder-lock';
import { createPostgresListen, type Listen } from './listen';
import { createPglitePool } from './pglite-pool';
import { createPostgresPool } from './postgres-pool';
import type { Tables } from './tables';

/** What the orders are kept in: a PostgreSQL server, or one inside this process. */
export interface Database {
  db: Kysely<Tables>;
  /** Does work that may take its time, such as a change of the schema: no timeout ends its statements. */
  withoutStatementTimeout: <Result>(
    work: (db: Kysely<Tables>) => Promise<Result>,
  ) => Promise<Result>;
  listen: Listen;
  /** Whether other processes may use it at the same time. */
  isShared: boolean;
  /** @throws {DatabaseUnavailableError} where it does not answer. */
  ping: () => Promise<void>;
  /** Closes it after the queries under way. */
  close: () => Promise<void>;
}

export interface DatabaseOptions {
  /** `postgres://…` for a server, `memory:` for one that is gone with the process, undefined for one in `DATA_DIR`. */
  DATABASE_URL?: string | undefined;
  DATA_DIR: string;
  /** Connections to a server, at most. */
  DATABASE_POOL_SIZE: number;
  /** Longest time to connect to a server, and for one statement. */
  DATABASE_TIMEOUT_MS: number;
}

/** The database cannot be used. */
export class DatabaseStartError extends StartError {
  readonly code = 'database-start-failed';
}

/** PGlite takes 128 MB for its buffers by default; a laptop's orders need no more than this. */
const PGLITE_SETTINGS = [
  'shared_buffers = 16MB',
  'max_connections = 4',
  // Otherwise, PGlite does not stop the timer of its progress messages after a recovery.
  'log_startup_progress_interval = 0',
];

/**
 * Opens the database; its schema is whatever it was.
 *
 * @throws {FolderInUseError} where another process has the folder.
 * @throws {DatabaseStartError} where the server does not let us in, or is not there.
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
  const { DATABASE_POOL_SIZE: size, DATABASE_TIMEOUT_MS: connectTimeoutMs } = options;
  const timeouts = { connectTimeoutMs, statementTimeoutMs: connectTimeoutMs };
  const db = kyselyOver(createPostgresPool({ url, size, ...timeouts }, logger));
  try {
    await ping(db);
  } catch (error) {
    await db.destroy();
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    throw new DatabaseStartError(`the database at DATABASE_URL cannot be used: ${reason}`, {
      cause: error,
    });
  }
  return {
    db,
    withoutStatementTimeout: async (work) => {
      const own = kyselyOver(createPostgresPool({ url, size: 1, connectTimeoutMs }, logger));
      try {
        return await work(own);
      } finally {
        await own.destroy();
      }
    },
    listen: createPostgresListen({ url, connectTimeoutMs }, logger),
    isShared: true,
    ping: () => ping(db),
    close: () => db.destroy(),
  };
}

async function openFolder(folder: string, logger: Logger): Promise<Database> {
  const lock = await lockFolder(folder, () => {
    // Two processes writing to one folder would destroy it.
    logger.fatal({ folder }, 'another process took the database folder');
    process.exit(1);
  });
  try {
    const data = join(folder, 'pgdata');
    if (!existsSync(data)) await createData(data);
    const database = embedded(await openPglite(data), logger);
    const close = async () => {
      await database.close();
      lock.release();
    };
    return { ...database, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Made aside, so that what is killed half way is not taken for a database. */
async function createData(data: string): Promise<void> {
  const aside = `${data}.new`;
  rmSync(aside, { recursive: true, force: true });
  const pglite = await openPglite(aside);
  // Closed and opened again: the 500 MB that creating takes come back only then.
  await pglite.close();
  renameSync(aside, data);
}

/** @param copy the initial content: what `dumpDataDir` of another database returned */
export function openPglite(dataDir: string, copy?: Blob): Promise<PGlite> {
  return PGlite.create(dataDir, {
    postgresqlconf: PGLITE_SETTINGS,
    ...(copy && { loadDataDir: copy }),
  });
}

/** A database inside this process. */
export function embedded(pglite: PGlite, logger: Logger): Database {
  const pool = createPglitePool(pglite, (error) => {
    // What it had acknowledged is in its folder; a new process finds it there.
    logger.fatal({ err: error }, 'the embedded database broke');
    process.exit(1);
  });
  const db = kyselyOver(pool);
  return {
    db,
    withoutStatementTimeout: (work) => work(db),
    isShared: false,
    // Nobody else writes to it, and nothing is lost on the way.
    listen: async (channel, { onNotification }) => {
      const stop = await pglite.listen(channel, onNotification);
      return () => (pglite.closed ? Promise.resolve() : stop());
    },
    ping: () => ping(db),
    close: () => db.destroy(),
  };
}

function kyselyOver(pool: PostgresPool): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

async function ping(db: Kysely<Tables>): Promise<void> {
  await sql`select 1`.execute(db);
}
