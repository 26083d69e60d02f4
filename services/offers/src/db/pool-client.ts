import type { PostgresPoolClient } from 'kysely';
import { types, type PoolClient } from 'pg';
import { preparedName } from './prepared';
import { isUnavailable, rethrow } from './unavailable';

// By default, a bigint is a string. No position in a table reaches 2^53.
types.setTypeParser(types.builtins.INT8, Number);

/**
 * Sends statements through a client of a pool, prepared if they are marked. `release` discards a connection that was
 * unavailable once: a late response would go to the next statement.
 *
 * @param begin if sessions are shared: begins a transaction with the settings that a session of our own would keep. Each
 * statement then runs in a transaction.
 */
export function guardClient(client: PoolClient, begin?: string): PostgresPoolClient {
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
