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

export interface RateLimiter {
  quotas: Quotas;
  /** Counts a request of a client; nothing is counted any more once the quota is used up. */
  take: (quota: Quota, client: string) => Allowance | Promise<Allowance>;
}

/** The client has used up a quota (the problem type is the draft's own). */
export class QuotaExceededError extends AppError {
  readonly code = 'quota-exceeded';
  override readonly denied = true;

  constructor({ quota, resetS }: Allowance) {
    super(`${String(quota.limit)} ${quota.name} in ${String(quota.windowS)} s are all there are.`, {
      retryAfterSeconds: resetS,
      members: { 'violated-policies': [quota.name] },
    });
  }
}

/** How many counts go in one statement. */
const MAX_SHARED = 1000;
/** How long the counts of quotas that are not exact may stay with one replica. */
const SHARE_MS = 250;

/** Told the total before the first of several requests that were counted together, each knows its own. */
function answer(waiting: Count['waiting'], before: number): void {
  waiting.forEach((tell, place) => {
    tell(before + place);
  });
}

/** What one client has used of one quota in this window. */
interface Count {
  key: string;
  /** By all replicas, as far as is known here. */
  total: number;
  /** Of these, what the others have not been told yet. */
  unshared: number;
  /** Told, when they are, what the total was before them. */
  waiting: ((before: number) => void)[];
}

/**
 * Counts in fixed windows, which begin at the same time for everybody. Alone, or through `addUsage` together with other
 * replicas: of an exact quota each request waits until it is added, many of them by one statement; other requests never wait,
 * and are added behind. While that fails each replica counts for itself.
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

  const windowOf = (quota: Quota) => {
    const startS = Math.floor(now() / 1000 / quota.windowS) * quota.windowS;
    const current = windows.get(quota);
    if (current?.startS === startS) return current;
    const next = { startS, counts: new Map<string, Count>() };
    windows.set(quota, next);
    // What was not shared of the window before no longer matters to anybody but those who wait.
    for (const { total, waiting } of current?.counts.values() ?? []) {
      answer(waiting, total - waiting.length);
    }
    return next;
  };

  const allowance = (quota: Quota, startS: number, used: number): Allowance => ({
    quota,
    isExceeded: used > quota.limit,
    remaining: Math.max(0, quota.limit - used),
    resetS: Math.max(1, Math.ceil(startS + quota.windowS - now() / 1000)),
  });

  let sharing = false;
  let timer: NodeJS.Timeout | undefined;

  const share = async (add: AddUsage) => {
    clearTimeout(timer);
    timer = undefined;
    if (sharing) return;
    sharing = true;
    try {
      for (;;) {
        const batch = takeUnshared();
        if (batch.length === 0) return;
        await shareBatch(add, batch);
      }
    } finally {
      sharing = false;
    }
  };

  interface Unshared {
    count: Count;
    usage: Usage;
    waiting: Count['waiting'];
  }

  function takeUnshared(): Unshared[] {
    const batch: Unshared[] = [];
    for (const [{ windowS }, { startS, counts }] of windows) {
      for (const count of counts.values()) {
        if (count.unshared === 0 || batch.length === MAX_SHARED) continue;
        const usage = { key: count.key, windowStartS: startS, windowS, count: count.unshared };
        batch.push({ count, usage, waiting: count.waiting });
        count.unshared = 0;
        count.waiting = [];
      }
    }
    return batch;
  }

  async function shareBatch(add: AddUsage, batch: readonly Unshared[]): Promise<void> {
    let totals: (number | undefined)[] = [];
    try {
      totals = await add(batch.map(({ usage }) => usage));
    } catch (error) {
      logger.warn({ err: error }, 'rate limits are not shared');
    }
    for (const [i, { count, usage, waiting }] of batch.entries()) {
      const total = totals[i];
      if (total !== undefined) count.total = total + count.unshared;
      answer(waiting, (total ?? count.total - count.unshared) - usage.count);
    }
  }

  const countOf = (quota: Quota, counts: Map<string, Count>, client: string): Count => {
    let count = counts.get(client);
    if (!count) {
      count = { key: `${quota.name} ${client}`, total: 0, unshared: 0, waiting: [] };
      counts.set(client, count);
    }
    return count;
  };

  return {
    quotas,
    take: (quota, client) => {
      const { startS, counts } = windowOf(quota);
      const count = countOf(quota, counts, client);
      if (count.total >= quota.limit) return allowance(quota, startS, quota.limit + 1);
      count.total += 1;
      if (!addUsage) return allowance(quota, startS, count.total);
      count.unshared += 1;
      if (!quota.exact) {
        timer ??= setTimeout(() => void share(addUsage), SHARE_MS).unref();
        return allowance(quota, startS, count.total);
      }
      return new Promise((resolve) => {
        count.waiting.push((before) => {
          resolve(allowance(quota, startS, before + 1));
        });
        void share(addUsage);
      });
    },
  };
}
