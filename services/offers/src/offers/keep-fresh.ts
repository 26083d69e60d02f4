import { LRUCache } from 'lru-cache';

/** A value and when it was loaded, on the clock of `performance.now()`. */
export interface Kept<Value> {
  value: Value;
  loadedAt: number;
  /** From then on it is stale. */
  freshUntil: number;
}

/** Reads through a memory of what was loaded before. */
export interface KeepFresh<Key, Value> {
  /** What is known, at once; a promise only where nothing is. That rejects as `load` does. */
  read: (key: Key) => Kept<Value> | Promise<Kept<Value>>;
}

/**
 * Remembers what `load` gives: fresh for `ttlMs`, and until `maxAgeMs` still used at once while it is loaded anew behind
 * (the idea of `stale-while-revalidate`, RFC 5861). Nothing older is ever given. Of one key, at most one load is under
 * way; after one that failed, a stale value is left alone for `pauseMs`. `maxEntries` keys are kept, the rest forgotten.
 */
export function keepFresh<Key, Value extends object>(options: {
  load: (key: Key) => Promise<Value>;
  keyOf: (key: Key) => string;
  ttlMs: (value: Value) => number;
  maxAgeMs: number;
  pauseMs: number;
  maxEntries: number;
  /** Told of a load behind that failed; whoever waits for one sees its failure himself. */
  onFailureBehind?: (error: unknown) => void;
}): KeepFresh<Key, Value> {
  const { load, keyOf, ttlMs, maxAgeMs, pauseMs, maxEntries, onFailureBehind } = options;
  const entries = new LRUCache<string, Kept<Value> & { notBefore: number }>({ max: maxEntries });
  const underWay = new Map<string, Promise<Kept<Value>>>();

  return {
    read: (key) => {
      const id = keyOf(key);
      const kept = entries.get(id);
      const now = performance.now();
      if (!kept || now - kept.loadedAt >= maxAgeMs) return reload(id, key);
      if (now >= kept.freshUntil && now >= kept.notBefore) {
        reload(id, key).catch((error: unknown) => {
          kept.notBefore = performance.now() + pauseMs;
          onFailureBehind?.(error);
        });
      }
      return kept;
    },
  };

  function reload(id: string, key: Key): Promise<Kept<Value>> {
    let loading = underWay.get(id);
    if (!loading) {
      loading = loadInto(id, key).finally(() => underWay.delete(id));
      underWay.set(id, loading);
    }
    return loading;
  }

  async function loadInto(id: string, key: Key): Promise<Kept<Value>> {
    const value = await load(key);
    const loadedAt = performance.now();
    const kept = { value, loadedAt, freshUntil: loadedAt + ttlMs(value), notBefore: 0 };
    entries.set(id, kept);
    return kept;
  }
}
