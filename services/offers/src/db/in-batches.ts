/** Maximum rows per statement: it locks them all, and must finish within its timeout. */
const BATCH = 10_000;

/**
 * Changes many rows in batches: finished batches stay changed if a later one fails.
 *
 * @param change changes up to `limit` remaining rows; returns how many
 * @param signal once it aborts, no further batch starts
 * @returns how many rows were changed
 */
export async function inBatches(
  change: (limit: number) => Promise<bigint>,
  signal?: AbortSignal,
): Promise<number> {
  let changed = 0;
  while (signal?.aborted !== true) {
    const count = await change(BATCH);
    changed += Number(count);
    if (count < BATCH) break;
  }
  return changed;
}
