/** A cached value; fresh, then stale, then no longer usable. Times are on the clock of `performance.now()`. */
export interface CacheEntry<Value> {
  value: Value;
  loadedAt: number;
  freshUntil: number;
  usableUntil: number;
}

export type SwrCache<Value> = ReturnType<typeof createSwrCache<Value>>;

/**
 * Caches the result of `load`: fresh for `ttlMs`, then served stale until `maxAgeMs` while a refresh runs in the
 * background (the idea of `stale-while-revalidate`, RFC 5861). Runs at most one load at a time. Reports a failed
 * refresh to `onRefreshError`, and waits `pauseMs` before the next.
 */
export function createSwrCache<Value>(options: {
  load: () => Promise<Value>;
  ttlMs: (value: Value) => number;
  maxAgeMs: (value: Value) => number;
  pauseMs?: number;
  onRefreshError?: (error: unknown) => void;
}) {
  const { load, ttlMs, maxAgeMs, pauseMs = 0, onRefreshError } = options;
  let kept: CacheEntry<Value> | undefined;
  let pending: Promise<CacheEntry<Value>> | undefined;
  let notBefore = 0;

  return {
    /** Waits only if there is no cached value. Rejects as `load` does. */
    read: async (): Promise<CacheEntry<Value>> => {
      const now = performance.now();
      if (!kept || now >= kept.usableUntil) return reload();
      if (now >= kept.freshUntil && now >= notBefore && !pending) {
        reload().catch((error: unknown) => {
          notBefore = performance.now() + pauseMs;
          onRefreshError?.(error);
        });
      }
      return kept;
    },
  };

  function reload(): Promise<CacheEntry<Value>> {
    pending ??= loadAndKeep().finally(() => {
      pending = undefined;
    });
    return pending;
  }

  async function loadAndKeep(): Promise<CacheEntry<Value>> {
    const value = await load();
    const loadedAt = performance.now();
    const freshUntil = loadedAt + ttlMs(value);
    kept = { value, loadedAt, freshUntil, usableUntil: loadedAt + maxAgeMs(value) };
    return kept;
  }
}
