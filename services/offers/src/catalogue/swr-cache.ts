/** A cached value and when it was loaded, on the clock of `performance.now()`. */
export interface CacheEntry<Value> {
  value: Value;
  loadedAt: number;
  /** When it becomes stale. */
  freshUntil: number;
  /** When it must no longer be used. */
  usableUntil: number;
}

export interface SwrCache<Value> {
  /** Waits only if there is no cached value. Rejects as `load` does. */
  read: () => Promise<CacheEntry<Value>>;
}

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
}): SwrCache<Value> {
  const { load, ttlMs, maxAgeMs, pauseMs = 0, onRefreshError } = options;
  let kept: CacheEntry<Value> | undefined;
  let pending: Promise<CacheEntry<Value>> | undefined;
  let notBefore = 0;

  return {
    read: async () => {
      const now = performance.now();
      if (!kept || now >= kept.usableUntil) return reload();
      if (now >= kept.freshUntil && now >= notBefore && !pending) refreshInBackground();
      return kept;
    },
  };

  function reload(): Promise<CacheEntry<Value>> {
    pending ??= loadAndKeep().finally(() => {
      pending = undefined;
    });
    return pending;
  }

  function refreshInBackground(): void {
    reload().catch((error: unknown) => {
      notBefore = performance.now() + pauseMs;
      onRefreshError?.(error);
    });
  }

  async function loadAndKeep(): Promise<CacheEntry<Value>> {
    const value = await load();
    const loadedAt = performance.now();
    const freshUntil = loadedAt + ttlMs(value);
    kept = { value, loadedAt, freshUntil, usableUntil: loadedAt + maxAgeMs(value) };
    return kept;
  }
}
