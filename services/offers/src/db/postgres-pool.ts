import type { Logger } from '@loan-buddy/kit';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { Pool, type PoolClient } from 'pg';
import { isUnavailable, rethrow } from './unavailable';

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
  return {
    connect: async () => guardClient(await pool.connect().catch(rethrow)),
    end: () => pool.end(),
  };
}

/**
 * A connection is not used again once it or its server was unavailable: after a statement that went unanswered, the late
 * answer would go to the next one.
 */
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
