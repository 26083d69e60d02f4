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

interface Count extends Omit<Usage, 'count'> {
  /** By all replicas, as far as this one knows. */
  total: number;
  /** The part of `total` that is not shared yet. */
  unshared: number;
  /** Requests that wait to be counted; each gets the total before it. */
  waiting: ((before: number) => void)[];
}

/**
 * Counts in fixed windows that start at the same time for all clients. `addUsage` shares the counts across replicas:
 * before the response under an exact quota, otherwise in the background. While that fails, each replica counts alone.
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

  const countOf = (quota: Quota, client: string): Count => {
    const { name, windowS } = quota;
    const windowStartS = Math.floor(now() / 1000 / windowS) * windowS;
    let window = windows.get(quota);
    if (window?.startS !== windowStartS) {
      window = { startS: windowStartS, counts: new Map() };
      windows.set(quota, window);
    }
    const count = window.counts.get(client) ?? {
      ...{ key: `${name} ${client}`, windowStartS, windowS },
      ...{ total: 0, unshared: 0, waiting: [] },
    };
    window.counts.set(client, count);
    return count;
  };

  const endOf = ({ windowStartS, windowS }: Count) => windowStartS + windowS;

  const allowance = (quota: Quota, count: Count, used: number): Allowance => ({
    quota,
    isExceeded: used > quota.limit,
    remaining: Math.max(0, quota.limit - used),
    resetS: Math.max(1, Math.ceil(endOf(count) - now() / 1000)),
  });

  /** Returns whether sharing succeeded. */
  const shareBatch = async (add: AddUsage) => {
    const batch = [...unshared].slice(0, MAX_SHARED).map((count) => {
      const { unshared: added, waiting } = count;
      unshared.delete(count);
      Object.assign(count, { unshared: 0, waiting: [] });
      return { count, added, waiting };
    });
    const usages = batch.map(({ count, added }) => {
      const { key, windowStartS, windowS } = count;
      return { key, windowStartS, windowS, count: added };
    });
    const totals = await add(usages).catch((error: unknown) => {
      // Logged once: the next try comes soon, and an outage may last.
      if (!failing) logger.warn({ err: error }, 'rate limits cannot be shared between replicas');
    });
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
  };

  let sharing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  // In a later microtask: with nothing to share, `shareAll` would otherwise clear `sharing` before it is set.
  const share = (add: AddUsage) => (sharing ??= Promise.resolve(add).then(shareAll));

  const shareAll = async (add: AddUsage) => {
    clearTimeout(timer);
    timer = undefined;
    while (unshared.size > 0 && (await shareBatch(add)));
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
