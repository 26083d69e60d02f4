import type { Logger } from '../logger';
import { AppError } from '../problem';

/** How much one client may do within each window (draft-ietf-httpapi-ratelimit-headers-10). */
export interface Quota {
  name: string;
  limit: number;
  windowS: number;
  /** Whether it holds to the letter over all replicas: then each request waits until it is counted. */
  exact: boolean;
}

/** What is left of a quota after a request. */
export interface Allowance {
  quota: Quota;
  isExceeded: boolean;
  remaining: number;
  /** Until the next window. */
  resetS: number;
}

/** One client's use of one quota in one window. */
export interface Usage {
  key: string;
  /** Since the epoch. */
  windowStartS: number;
  windowS: number;
  count: number;
}

/** Where replicas add up what each of them has counted; returns the sums, in the same order. */
export type AddUsage = (usages: readonly Usage[]) => Promise<number[]>;

/** What a client may read, and what it may have changed. */
export type Quotas = Readonly<Record<'reads' | 'writes', Quota>>;

/** Counts what each client does against their quotas. */
export interface RateLimiter {
  quotas: Quotas;
  /** Counts a request of a client; nothing is counted any more once the quota is used up. */
  take: (quota: Quota, client: string) => Allowance | Promise<Allowance>;
  /** Adds what the others have not been told yet, if that can be done now. */
  close: () => Promise<void>;
}

/** The client has used up a quota (the problem type is the draft's own). */
export class QuotaExceededError extends AppError {
  readonly code = 'quota-exceeded';
  override readonly denied = true;

  constructor({ quota, resetS }: Allowance) {
    super(`The quota is ${String(quota.limit)} ${quota.name} per ${String(quota.windowS)} s.`, {
      retryAfterSeconds: resetS,
      members: { 'violated-policies': [quota.name] },
    });
  }
}

/** How many counts go in one statement. */
const MAX_SHARED = 1000;
/** How long counts may stay with one replica, where nobody waits for them or where they could not be added. */
const SHARE_MS = 250;

/** What one client has used of one quota in one window. */
interface Count {
  key: string;
  windowStartS: number;
  windowS: number;
  /** By all replicas, as far as is known here. */
  total: number;
  /** Of these, what the others have not been told yet. */
  unshared: number;
  /** Told, when they are, what the total was before them. */
  waiting: ((before: number) => void)[];
}

/** A part of what was counted, on its way to the others. */
interface Share {
  count: Count;
  added: number;
  waiting: Count['waiting'];
}

/** Told the total before the first of several requests that were counted together, each knows its own. */
function answer(waiting: Count['waiting'], before: number): void {
  waiting.forEach((tell, place) => {
    tell(before + place);
  });
}

/**
 * Counts in fixed windows, which begin at the same time for everybody. Alone, or through `addUsage` together with other
 * replicas: of an exact quota each request waits until it is added, many of them by one statement; other requests never wait,
 * and are added in the background. While that fails each replica counts for itself, and adds it later.
 */
export function createRateLimiter(options: {
  quotas: Quotas;
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

  function takeUnshared(): Share[] {
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

  function keepForLater({ count, added }: Share): void {
    // What was used of a window that is over no longer matters to anybody.
    if (endOf(count) <= now() / 1000) return;
    count.unshared += added;
    unshared.add(count);
  }

  /** Returns whether the others know of it now. */
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
      // Said once: it is tried again soon, and the outage may take long.
      if (!failing) logger.warn({ err: error }, 'rate limits are not shared');
    }
    failing = totals === undefined;
    for (const [i, share] of batch.entries()) {
      const { count, added, waiting } = share;
      if (totals) count.total = totals[i]! + count.unshared;
      answer(waiting, count.total - count.unshared - added);
      if (!totals) keepForLater(share);
    }
    return !failing;
  }

  let sharing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  // In a later microtask: what has nothing to share would otherwise end before it is known to have begun.
  const share = (add: AddUsage) => (sharing ??= Promise.resolve(add).then(shareAll));

  const shareAll = async (add: AddUsage) => {
    clearTimeout(timer);
    timer = undefined;
    while (unshared.size > 0 && (await shareBatch(add, takeUnshared())));
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
