import { sql, type Kysely, type RawBuilder } from 'kysely';
import { inBatches } from './in-batches';
import type { Tables } from './tables';

/** Rows that keep to their time: it is over. */
export const expired = sql<boolean>`expires_at <= now()`;

/**
 * Deletes all rows of a table of which that is true, some at a time (see {@link inBatches}). Rows that somebody else has
 * locked are left alone.
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
  return inBatches(async (limit) => {
    const { numAffectedRows = 0n } = await sql`
      delete from ${table} where ctid = any (array(
        select ctid from ${table} where ${rows.where} ${order} limit ${limit}
        for update skip locked))`.execute(db);
    return numAffectedRows;
  }, rows.signal);
}
