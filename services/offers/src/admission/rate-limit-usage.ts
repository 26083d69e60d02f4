import type { Logger } from '@loan-buddy/kit/telemetry';
import type { AddUsage } from './rate-limiter';
import { sql, type Kysely } from 'kysely';
import { deleteInBatches, expired } from '../db/sweep';
import type { Tables } from '../db/tables';
import { usageKey } from '../db/usage-key';

/**
 * Sums the replicas' counts in the database. Stores clients as hashes, and deletes them after the next window.
 *
 * @throws {DatabaseUnavailableError} if the database cannot be written.
 */
export function createAddUsage(db: Kysely<Tables>, logger: Logger): AddUsage {
  let sweptFor = 0;
  return async (usages) => {
    const rows = usages.map(({ key, windowStartS, windowS, count }) => ({
      key: usageKey(key),
      windowStart: windowStartS,
      count,
      expiresAt: new Date((windowStartS + 2 * windowS) * 1000),
    }));
    // A fixed order prevents deadlocks between replicas.
    const ordered = [...rows].sort(
      (one, other) => one.windowStart - other.windowStart || (one.key < other.key ? -1 : 1),
    );
    const counted = await db
      .insertInto('rateLimitUsage')
      .values(ordered)
      .onConflict((conflict) =>
        conflict.columns(['key', 'windowStart']).doUpdateSet({
          count: sql`rate_limit_usage.count + excluded.count`,
        }),
      )
      .returning(['key', 'windowStart', 'count'])
      .execute();
    const latest = Math.max(...usages.map(({ windowStartS }) => windowStartS));
    if (latest > sweptFor) {
      sweptFor = latest;
      // In the background. If this fails, the next window retries it.
      deleteInBatches(db, 'rateLimitUsage', { where: expired }).catch((error: unknown) => {
        logger.warn({ err: error }, 'cannot delete expired rate limits');
      });
    }
    const totals = new Map(
      counted.map(({ key, windowStart: start, count }) => [`${key} ${String(start)}`, count]),
    );
    return rows.map(({ key, windowStart: start }) => totals.get(`${key} ${String(start)}`)!);
  };
}
