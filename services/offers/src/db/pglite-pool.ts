import { setImmediate as turn } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { rethrow, sqlState } from './unavailable';

/** How long it may keep the rest of this process waiting: its work is done on this very thread. */
const MAX_STRETCH_MS = 10;

/**
 * PGlite as a pool of one: it has a single session, so whoever holds the client holds the database, and the others
 * queue. A transaction therefore sees nothing of another.
 *
 * @param onBroken is called when PGlite itself fails, and not a statement: it cannot be used after that
 */
export function createPglitePool(pglite: PGlite, onBroken: (error: unknown) => void): PostgresPool {
  let last: Promise<void> = Promise.resolve();
  let turnedAt = performance.now();

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
      // Whoever queues is woken by whoever is done, one after the other, and nothing else would get its turn.
      if (performance.now() - turnedAt > MAX_STRETCH_MS) {
        await turn();
        turnedAt = performance.now();
      }
      return { query: query as unknown as PostgresPoolClient['query'], release };
    },
    end: async () => {
      await last;
      await pglite.close();
    },
  };
}
