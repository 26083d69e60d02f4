import type { PGlite } from '@electric-sql/pglite';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { rethrow, sqlState } from './unavailable';

/**
 * PGlite as a pool of one: it has a single session, so whoever holds the client holds the database, and the others
 * queue. A transaction therefore sees nothing of another.
 *
 * @param onBroken is called when PGlite itself fails, and not a statement: it cannot be used after that
 */
export function createPglitePool(pglite: PGlite, onBroken: (error: unknown) => void): PostgresPool {
  let last: Promise<void> = Promise.resolve();

  const query = async (text: string, values: readonly unknown[]) => {
    try {
      const { rows, affectedRows } = await pglite.query<never>(text, [...values]);
      const command = affectedRows === undefined ? 'SELECT' : 'UPDATE';
      return { rows, rowCount: affectedRows ?? rows.length, command };
    } catch (error) {
      if (sqlState(error) === undefined && !pglite.closed) onBroken(error);
      return rethrow(error);
    }
  };

  return {
    connect: async () => {
      const before = last;
      let release!: () => void;
      last = new Promise((resolve) => (release = resolve));
      await before;
      return { query: query as unknown as PostgresPoolClient['query'], release };
    },
    end: async () => {
      await last;
      await pglite.close();
    },
  };
}
