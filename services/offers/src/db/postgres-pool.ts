import type { Logger } from '@loan-buddy/kit';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { Pool, type PoolClient } from 'pg';
import { DatabaseUnavailableError, saysNotNow, sqlState } from './unavailable';

/** How long a connection may lie idle before it is closed. */
const IDLE_TIMEOUT_MS = 30_000;
/** The server ends a statement at the timeout; if it cannot even say so, we hang up this much later. */
const SILENCE_MARGIN_MS = 500;

/**
 * A pool of connections to a PostgreSQL server, which may come and go.
 *
 * @param options.size connections at most
 * @param options.connectTimeoutMs longest wait for a connection
 * @param options.statementTimeoutMs longest time for one statement; unlimited if it is missing
 */
export function createPostgresPool(
  options: { url: string; size: number; connectTimeoutMs: number; statementTimeoutMs?: number },
  logger: Logger,
): PostgresPool {
  const { statementTimeoutMs } = options;
  const pool = new Pool({
    connectionString: options.url,
    application_name: 'offers',
    max: options.size,
    connectionTimeoutMillis: options.connectTimeoutMs,
    ...(statementTimeoutMs !== undefined && {
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + SILENCE_MARGIN_MS,
    }),
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
  });
  // A connection may break at any time, also between two statements of a transaction, when only it hears of that.
  pool.on('connect', (client) => {
    client.on('error', (error) => {
      logger.warn({ err: error }, 'database connection lost');
    });
  });
  // The same of idle connections: the pool replaces them.
  pool.on('error', () => undefined);
  const guarded = new WeakMap<PoolClient, PostgresPoolClient>();
  return {
    connect: async () => {
      const client = await pool.connect().catch(rethrow);
      let guard = guarded.get(client);
      if (!guard) {
        guard = guardClient(client);
        guarded.set(client, guard);
      }
      return guard;
    },
    end: () => pool.end(),
  };
}

/** A connection on which a statement went unanswered is not given back: the late answer would go to the next one. */
function guardClient(client: PoolClient): PostgresPoolClient {
  let broken = false;
  const query = (text: string, values: readonly unknown[]) =>
    client.query(text, values as unknown[]).catch((error: unknown) => {
      broken ||= isUnavailable(error);
      return rethrow(error);
    });
  return {
    query: query as unknown as PostgresPoolClient['query'],
    release: () => {
      client.release(broken);
    },
  };
}

function rethrow(error: unknown): never {
  throw isUnavailable(error) ? new DatabaseUnavailableError({ cause: error }) : error;
}

/** Without an SQLSTATE the server said nothing: the network or our own timeout did. */
function isUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || saysNotNow(state);
}
