import type { Logger } from '@loan-buddy/kit/telemetry';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { Pool, types, type PoolClient } from 'pg';
import { isUnavailable, rethrow } from './unavailable';

/** How long an idle connection stays open. */
const IDLE_TIMEOUT_MS = 30_000;
/** The server ends a statement at its timeout; if no response arrives, we disconnect this much later. */
const SILENCE_MARGIN_MS = 500;

// As PGlite does: by default, a bigint is a string. No position in a table reaches 2^53.
types.setTypeParser(types.builtins.INT8, Number);

/**
 * Creates a connection pool for a PostgreSQL server that may be temporarily unavailable.
 *
 * @param options.statementTimeoutMs unlimited if missing
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
  // A connection may break at any time. Between two statements of a transaction, only this listener gets the error.
  pool.on('connect', (client) => {
    client.on('error', (error) => {
      logger.warn({ err: error }, 'database connection lost');
    });
  });
  // The pool replaces broken idle connections.
  pool.on('error', () => undefined);
  return {
    connect: async () => guardClient(await pool.connect().catch(rethrow)),
    end: () => pool.end(),
  };
}

/** Discards a connection that was unavailable once: a late response would go to the next statement. */
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
