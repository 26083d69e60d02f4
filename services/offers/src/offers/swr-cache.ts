/** A value and when it was loaded, on the clock of `performance.now()`. */
export interface CacheEntry<Value> {
  value: Value;
  loadedAt: number;
  /** From then on it is stale. */
  freshUntil: number;
  /** From then on it is not used at all. */
  usableUntil: number;
}

/** A cache of one value that is served stale while it is refreshed. */
export interface SwrCache<Value> {
  /** What is known, at once; a promise only where nothing is. That rejects as `load` does. */
  read: () => CacheEntry<Value> | Promise<CacheEntry<Value>>;
}

/**
 * Caches what `load` gives: fresh for `ttlMs`, then served stale until `maxAgeMs` while it is refreshed in the background
 * (the idea of `stale-while-revalidate`, RFC 5861), and never older. At most one load is under way. A failed refresh is
 * reported to `onRefreshError`, and the next one waits for `pauseMs`.
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
  let underWay: Promise<CacheEntry<Value>> | undefined;
  let notBefore = 0;

  return {
    read: () => {
      const now = performance.now();
      if (!kept || now >= kept.usableUntil) return reload();
      if (now >= kept.freshUntil && now >= notBefore && !underWay) refreshInBackground();
      return kept;
    },
  };

  function reload(): Promise<CacheEntry<Value>> {
    underWay ??= loadAndKeep().finally(() => {
      underWay = undefined;
    });
    return underWay;
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
