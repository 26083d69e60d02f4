import { createHash } from 'node:crypto';
import type { AddUsage } from '@loan-buddy/kit';
import { sql, type Kysely } from 'kysely';
import type { Tables } from './tables';

/** The most that one sweep forgets. */
const SWEEP_LIMIT = 10_000;

/**
 * Adds up in the database what the replicas count. Clients are kept by a hash, and forgotten with the window after theirs.
 *
 * @throws {DatabaseUnavailableError} where that cannot be written.
 */
export function createAddUsage(db: Kysely<Tables>): AddUsage {
  let sweptFor = 0;
  const sweep = () => {
    const expired = db
      .selectFrom('rate_limit_usage')
      .select(['key', 'window_start'])
      .where('expires_at', '<', sql<Date>`now()`)
      .limit(SWEEP_LIMIT);
    return db
      .deleteFrom('rate_limit_usage')
      .where((row) =>
        row.eb(row.refTuple('key', 'window_start'), 'in', expired.$asTuple('key', 'window_start')),
      )
      .execute();
  };
  return async (usages) => {
    const rows = usages.map(({ key, windowStartS, windowS, count }) => ({
      key: createHash('sha256').update(key).digest('base64url'),
      window_start: windowStartS,
      count,
      expires_at: new Date((windowStartS + 2 * windowS) * 1000),
    }));
    // In one order, so that no two replicas wait for each other.
    const ordered = [...rows].sort(
      (one, other) => one.window_start - other.window_start || (one.key < other.key ? -1 : 1),
    );
    const counted = await db
      .insertInto('rate_limit_usage')
      .values(ordered)
      .onConflict((conflict) =>
        conflict.columns(['key', 'window_start']).doUpdateSet({
          count: sql`rate_limit_usage.count + excluded.count`,
        }),
      )
      .returning(['key', 'window_start', 'count'])
      .execute();
    const latest = Math.max(...usages.map(({ windowStartS }) => windowStartS));
    if (latest > sweptFor) {
      sweptFor = latest;
      // Behind: nobody waits for it, and where it fails the next counting tries again.
      sweep().catch(() => (sweptFor = 0));
    }
    const totals = new Map(
      counted.map(({ key, window_start: start, count }) => [`${key} ${String(start)}`, count]),
    );
    return rows.map(({ key, window_start: start }) => totals.get(`${key} ${String(start)}`)!);
  };
}
