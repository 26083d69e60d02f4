import { sql, type Kysely, type RawBuilder } from 'kysely';
import { inBatches } from './in-batches';
import type { Tables } from './tables';

/** Rows past their expiry. */
export const expired = sql<boolean>`expires_at <= now()`;

/**
 * Deletes all matching rows of a table in batches (see {@link inBatches}). Skips locked rows.
 *
 * @param rows.orderBy for large tables, an indexed column to find the rows by: otherwise, each batch may reread
 * everything that earlier ones deleted
 * @param rows.signal once it aborts, no further batch starts
 * @returns how many rows were deleted
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
