import type { Allowance, RateLimiter } from '@loan-buddy/kit/admission';
import type { Logger } from '@loan-buddy/kit/telemetry';

type Quota = Allowance['quota'];

/** One client's use of one quota in one window. */
export interface Usage {
  key: string;
  /** Seconds since the epoch. */
  windowStartS: number;
  windowS: number;
  count: number;
}

/** Adds up usage across replicas; returns the sums in the same order. */
export type AddUsage = (usages: readonly Usage[]) => Promise<number[]>;

/** How many counts one call may share. */
const MAX_SHARED = 1000;
/** How long counts stay unshared if no request waits for them, or after sharing has failed. */
const SHARE_MS = 250;

/** What one client has used of one quota in one window. */
interface Count extends Omit<Usage, 'count'> {
  /** By all replicas, as far as this one knows. */
  total: number;
  /** The part of `total` that is not shared yet. */
  unshared: number;
  /** Requests that wait to be counted; each gets the total before it. */
  waiting: ((before: number) => void)[];
}

/** A part of a count that is being shared. */
interface Share {
  count: Count;
  added: number;
  waiting: Count['waiting'];
}

/**
 * Counts in fixed windows that start at the same time for all clients. `addUsage` shares the counts across replicas. A
 * request under an exact quota waits until its count is shared, in a batch with others. Other requests never wait;
 * their counts are shared in the background. While sharing fails, each replica counts alone and shares later.
 */
export function createRateLimiter(options: {
  quotas: RateLimiter['quotas'];
  addUsage?: AddUsage | undefined;
  logger: Logger;
  /** Milliseconds since the epoch. */
  now?: () => number;
}): RateLimiter {
  const { quotas, addUsage, logger, now = Date.now } = options;
  const windows = new Map<Quota, { startS: number; counts: Map<string, Count> }>();
  const unshared = new Set<Count>();
  let failing = false;

  const windowOf = (quota: Quota) => {
    const startS = Math.floor(now() / 1000 / quota.windowS) * quota.windowS;
    const current = windows.get(quota);
    if (current?.startS === startS) return current;
    const next = { startS, counts: new Map<string, Count>() };
    windows.set(quota, next);
    return next;
  };

  const countOf = (quota: Quota, client: string): Count => {
    const { startS, counts } = windowOf(quota);
    let count = counts.get(client);
    if (!count) {
      const { name, windowS } = quota;
      const window = { windowStartS: startS, windowS };
      count = { key: `${name} ${client}`, ...window, total: 0, unshared: 0, waiting: [] };
      counts.set(client, count);
    }
    return count;
  };

  const endOf = ({ windowStartS, windowS }: Count) => windowStartS + windowS;

  const allowance = (quota: Quota, count: Count, used: number): Allowance => ({
    quota,
    isExceeded: used > quota.limit,
    remaining: Math.max(0, quota.limit - used),
    resetS: Math.max(1, Math.ceil(endOf(count) - now() / 1000)),
  });

  function takeBatch(): Share[] {
    const batch: Share[] = [];
    for (const count of unshared) {
      if (batch.length === MAX_SHARED) break;
      unshared.delete(count);
      batch.push({ count, added: count.unshared, waiting: count.waiting });
      count.unshared = 0;
      count.waiting = [];
    }
    return batch;
  }

  /** Returns whether sharing succeeded. */
  async function shareBatch(add: AddUsage, batch: readonly Share[]): Promise<boolean> {
    let totals: number[] | undefined;
    try {
      totals = await add(
        batch.map(({ count: { key, windowStartS, windowS }, added }) => ({
          ...{ key, windowStartS, windowS },
          count: added,
        })),
      );
    } catch (error) {
      // Logged once: the next try comes soon, and an outage may last.
      if (!failing) logger.warn({ err: error }, 'rate limits cannot be shared between replicas');
    }
    failing = totals === undefined;
    for (const [i, { count, added, waiting }] of batch.entries()) {
      if (totals) count.total = totals[i]! + count.unshared;
      const before = count.total - count.unshared - added;
      for (const [nth, resolve] of waiting.entries()) resolve(before + nth);
      // Usage of a past window no longer matters.
      if (totals || endOf(count) <= now() / 1000) continue;
      count.unshared += added;
      unshared.add(count);
    }
    return !failing;
  }

  let sharing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  // In a later microtask: with nothing to share, `shareAll` would otherwise clear `sharing` before it is set.
  const share = (add: AddUsage) => (sharing ??= Promise.resolve(add).then(shareAll));

  const shareAll = async (add: AddUsage) => {
    clearTimeout(timer);
    timer = undefined;
    while (unshared.size > 0 && (await shareBatch(add, takeBatch())));
    sharing = undefined;
    if (unshared.size > 0) shareSoon(add);
  };

  const shareSoon = (add: AddUsage) => {
    timer ??= setTimeout(() => void share(add), SHARE_MS).unref();
  };

  return {
    quotas,
    take: (quota, client) => {
      const count = countOf(quota, client);
      if (count.total >= quota.limit) return allowance(quota, count, quota.limit + 1);
      count.total += 1;
      if (!addUsage) return allowance(quota, count, count.total);
      count.unshared += 1;
      unshared.add(count);
      if (!quota.exact) {
        shareSoon(addUsage);
        return allowance(quota, count, count.total);
      }
      return new Promise((resolve) => {
        count.waiting.push((before) => {
          resolve(allowance(quota, count, before + 1));
        });
        void share(addUsage);
      });
    },
    close: async () => {
      await sharing;
      if (addUsage && unshared.size > 0) await share(addUsage);
      clearTimeout(timer);
    },
  };
}
