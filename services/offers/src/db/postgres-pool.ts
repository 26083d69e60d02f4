import { DatabaseError, Pool, type PoolClient } from 'pg';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Logger } from '@loan-buddy/kit';
import { DatabaseUnavailableError } from './unavailable';

/** How long a connection may lie idle before it is closed. */
const IDLE_TIMEOUT_MS = 30_000;
/** The server ends a statement at the timeout; if it cannot even say so, we hang up this much later. */
const SILENCE_MARGIN_MS = 500;

/** A pool of connections to a PostgreSQL server, which may come and go. */
export function createPostgresPool(
  options: { url: string; size: number; timeoutMs: number },
  logger: Logger,
): PostgresPool {
  const pool = new Pool({
    connectionString: options.url,
    application_name: 'offers',
    max: options.size,
    connectionTimeoutMillis: options.timeoutMs,
    statement_timeout: options.timeoutMs,
    query_timeout: options.timeoutMs + SILENCE_MARGIN_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
  });
  // An idle connection that breaks is replaced when the next one is needed.
  pool.on('error', (error) => {
    logger.warn({ err: error }, 'database connection lost');
  });
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

/**
 * Whether an error says that the server cannot be worked with now. With an SQLSTATE that is one of the classes 08
 * (connection), 53 (resources), 57 (operator's intervention, timeouts included) and 58 (system), and 25006 from a
 * server that is read-only for now. Without one, the server said nothing: the network or our own timeout did.
 */
function isUnavailable(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return true;
  return /^(08|53|57|58|25006)/.test(error.code ?? '');
}
