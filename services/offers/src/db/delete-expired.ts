import { sql, type Kysely } from 'kysely';
import type { Tables } from './tables';

/** The most rows that one statement deletes: it holds locks on all of them. */
const BATCH = 10_000;

/** Deletes all rows of a table whose `expires_at` is over; returns how many there were. */
export async function deleteExpired(
  db: Kysely<Tables>,
  name: 'idempotency_keys' | 'rate_limit_usage',
): Promise<number> {
  const table = sql.table(name);
  for (let deleted = 0; ;) {
    const { numAffectedRows = 0n } = await sql`
      delete from ${table} where ctid = any (array(
        select ctid from ${table} where expires_at <= now() limit ${BATCH}))`.execute(db);
    deleted += Number(numAffectedRows);
    if (numAffectedRows < BATCH) return deleted;
  }
}
