import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Tables } from './tables';

/** The most rows that one statement deletes: it holds locks on all of them, and has to end within its timeout. */
const BATCH = 10_000;

/** Rows that keep to their time: it is over. */
export const expired = sql<boolean>`expires_at <= now()`;

/**
 * Deletes all rows of a table of which that is true, some at a time: what was deleted stays so where a later batch fails.
 * Rows that somebody else has locked are left alone.
 *
 * @param rows.orderBy where there are many others, a column by whose index they are found: without one, each batch may
 * read past all that those before it deleted
 * @param rows.signal no batch is begun once it aborts
 * @returns how many there were
 */
export async function deleteInBatches(
  db: Kysely<Tables>,
  name: keyof Tables,
  rows: { where: RawBuilder<boolean>; orderBy?: string; signal?: AbortSignal | undefined },
): Promise<number> {
  const table = sql.table(name);
  const order = rows.orderBy === undefined ? sql`` : sql`order by ${sql.ref(rows.orderBy)}`;
  let deleted = 0;
  while (rows.signal?.aborted !== true) {
    const { numAffectedRows = 0n } = await sql`
      delete from ${table} where ctid = any (array(
        select ctid from ${table} where ${rows.where} ${order} limit ${BATCH}
        for update skip locked))`.execute(db);
    deleted += Number(numAffectedRows);
    if (numAffectedRows < BATCH) break;
  }
  return deleted;
}
