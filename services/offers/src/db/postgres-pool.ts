import type { Logger } from '@loan-buddy/kit/telemetry';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { PostgresPool } from 'kysely';
import { Pool, type ClientConfig } from 'pg';
import { guardClient } from './pool-client';
import { settingsSql, type Server } from './session';
import { rethrow } from './unavailable';

/** How long an idle connection stays open. */
const IDLE_TIMEOUT_MS = 30_000;
/** The server ends a statement at its timeout; if no response arrives, we disconnect this much later. */
const SILENCE_MARGIN_MS = 500;

/**
 * Creates a connection pool for a PostgreSQL server that may be temporarily unavailable.
 *
 * @param options.statementTimeoutMs unlimited if missing
 */
export function createPostgresPool(
  options: Server & { config: ClientConfig; size: number; statementTimeoutMs?: number },
  logger: Logger,
): PostgresPool {
  const { config, size, sharesSessions, statementTimeoutMs } = options;
  const pool = new Pool({
    ...config,
    max: size,
    ...(statementTimeoutMs !== undefined && {
      query_timeout: statementTimeoutMs + SILENCE_MARGIN_MS,
    }),
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    // Awaited, although the type does not say so. Not a statement of the request that happens to need the connection.
    ...(!sharesSessions && {
      onConnect: (client) =>
        context.with(ROOT_CONTEXT, () => client.query(settingsSql(options))) as unknown,
    }),
  });
  // A connection may break at any time. Between two statements of a transaction, only this listener gets the error.
  pool.on('connect', (client) => {
    client.on('error', (error) => {
      logger.warn({ err: error }, 'database connection lost');
    });
  });
  // The pool replaces broken idle connections.
  pool.on('error', () => undefined);
  const begin = `begin isolation level read committed, read write, not deferrable;
    ${settingsSql(options, 'local')}`;
  return {
    connect: async () =>
      guardClient(await pool.connect().catch(rethrow), sharesSessions ? begin : undefined),
    end: () => pool.end(),
  };
}
