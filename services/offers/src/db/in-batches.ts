/** The most rows that one statement changes: it holds locks on all of them, and has to end within its timeout. */
const BATCH = 10_000;

/**
 * Changes many rows, some at a time: what was changed stays so where a later batch fails.
 *
 * @param change changes up to `limit` of those that are left; returns how many that were
 * @param signal no batch is begun once it aborts
 * @returns how many there were
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
