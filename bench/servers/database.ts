import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Pool } from 'pg';

export interface Database {
  query: (text: string, values?: unknown[]) => Promise<unknown>;
  close: () => Promise<void>;
}

/** Opens the database of offers in DATABASE_URL or DATA_DIR, as offers does, but without its checks and timeouts. */
export async function openDatabase(): Promise<Database> {
  const { DATABASE_URL, DATA_DIR = '' } = process.env;
  if (DATABASE_URL !== undefined) {
    const pool = new Pool({ connectionString: DATABASE_URL, max: 10 });
    return { query: (text, values) => pool.query(text, values), close: () => pool.end() };
  }
  const pglite = await PGlite.create(join(DATA_DIR, 'pgdata'), {
    postgresqlconf: ['shared_buffers = 16MB', 'max_connections = 4'],
  });
  return {
    query: (text, values) => pglite.query(text, values),
    close: () => pglite.close(),
  };
}
