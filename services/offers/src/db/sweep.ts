import type { Logger } from '@loan-buddy/kit/telemetry';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Tables } from './tables';

/** Maximum rows per statement: it locks them all, and must finish within its timeout. */
const BATCH = 10_000;
const SWEEP_INTERVAL_MS = 60_000;

/** Rows past their expiry. */
export const expired = sql<boolean>`expires_at <= now()`;

/**
 * Changes many rows in batches, until done or the signal aborts; returns how many. Finished batches stay changed if a
 * later one fails.
 *
 * @param change changes up to `limit` remaining rows; returns how many
 */
export async function inBatches(
  change: (limit: number) => Promise<bigint>,
  signal?: AbortSignal,
  limit = BATCH,
): Promise<number> {
  let changed = 0;
  while (signal?.aborted !== true) {
    const count = await change(limit);
    changed += Number(count);
    if (count < limit) break;
  }
  return changed;
}

/**
 * Deletes all matching rows of a table in batches (see {@link inBatches}). Skips locked rows.
 *
 * @param rows.orderBy for large tables, an indexed column to find the rows by: otherwise, each batch may reread
 * everything that earlier ones deleted
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

export interface Sweep {
  /** What it deletes, for the log. */
  rows: string;
  /** Deletes rows until done or the signal aborts; returns how many. */
  sweep: (signal: AbortSignal) => Promise<number>;
}

/** Runs the sweeps in turn, at intervals. The returned function stops them, and waits for the one that is running. */
export function startSweeps(sweeps: readonly Sweep[], logger: Logger): () => Promise<void> {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const sweepAll = async () => {
    for (const { rows, sweep } of sweeps) {
      try {
        const deleted = await sweep(stopping.signal);
        if (deleted > 0) logger.info({ rows, deleted }, 'old rows deleted');
      } catch (error) {
        logger.warn({ err: error, rows }, 'old rows could not be deleted');
      }
    }
    running = undefined;
  };
  // The first sweep of a full table may take longer than the interval.
  const timer = setInterval(() => {
    running ??= sweepAll();
  }, SWEEP_INTERVAL_MS);
  return async () => {
    clearInterval(timer);
    stopping.abort();
    await running;
  };
}
