import type { Logger } from '@loan-buddy/kit/telemetry';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { Pool, types, type ClientConfig, type PoolClient } from 'pg';
import { preparedName } from './prepared';
import { settingsSql, type Server } from './session';
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

/**
 * Discards a connection that was unavailable once: a late response would go to the next statement.
 *
 * @param begin if sessions are shared: begins a transaction with the settings that a session of our own would keep. Each
 * statement then runs in a transaction.
 */
function guardClient(client: PoolClient, begin: string | undefined): PostgresPoolClient {
  let broken = false;
  let isOpen = false;
  const send = (text: string, values: readonly unknown[] = []) => {
    // Another session would not know the statement.
    const name = begin === undefined ? preparedName(text) : undefined;
    return client
      .query({ text, values: values as unknown[], ...(name && { name }) })
      .catch((error: unknown) => {
        broken ||= text === begin || isUnavailable(error);
        return rethrow(error);
      });
  };
  const query = async (text: string, values: readonly unknown[]) => {
    if (begin === undefined) return send(text, values);
    // What Kysely sends to begin and to end a transaction.
    const begins = /^(begin|start transaction)\b/.test(text);
    if (begins || isOpen) {
      isOpen = !/^(commit|rollback)$/.test(text);
      return begins ? send(begin) : send(text, values);
    }
    try {
      await send(begin);
      const result = await send(text, values);
      await send('commit');
      return result;
    } catch (error) {
      if (!broken) await send('rollback');
      throw error;
    }
  };
  return {
    query: query as unknown as PostgresPoolClient['query'],
    release: () => {
      client.release(broken);
    },
  };
}
