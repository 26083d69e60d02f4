import type { PGlite } from '@electric-sql/pglite';
import type { PostgresPool, PostgresPoolClient } from 'kysely';

/**
 * PGlite as a pool of one: it has a single session, so whoever holds the client holds the database, and the others
 * queue. A transaction therefore sees nothing of another.
 */
export function createPglitePool(pglite: PGlite): PostgresPool {
  let last: Promise<void> = Promise.resolve();
  return {
    connect: async () => {
      const before = last;
      let release!: () => void;
      last = new Promise((resolve) => (release = resolve));
      await before;
      return client(pglite, release);
    },
    end: () => pglite.close(),
  };
}

function client(pglite: PGlite, release: () => void): PostgresPoolClient {
  const query = async (text: string, values: readonly unknown[]) => {
    const { rows, affectedRows } = await pglite.query<never>(text, [...values]);
    const command = affectedRows === undefined ? 'SELECT' : 'UPDATE';
    return { rows, rowCount: affectedRows ?? rows.length, command };
  };
  return { query: query as unknown as PostgresPoolClient['query'], release };
}
