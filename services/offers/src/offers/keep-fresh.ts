/** A value and when it was loaded, on the clock of `performance.now()`. */
export interface Kept<Value> {
  value: Value;
  loadedAt: number;
  /** From then on it is stale. */
  freshUntil: number;
  /** From then on it is not used at all. */
  usableUntil: number;
}

/** Reads through a memory of what was loaded before. */
export interface KeepFresh<Value> {
  /** What is known, at once; a promise only where nothing is. That rejects as `load` does. */
  read: () => Kept<Value> | Promise<Kept<Value>>;
}

/**
 * Remembers what `load` gives: fresh for `ttlMs`, and until `maxAgeMs` still used at once while it is loaded anew behind
 * (the idea of `stale-while-revalidate`, RFC 5861). Nothing older is ever given. At most one load is under way; after
 * one behind that failed, of which `onFailureBehind` is told, the next waits for `pauseMs`.
 */
export function keepFresh<Value>(options: {
  load: () => Promise<Value>;
  ttlMs: (value: Value) => number;
  maxAgeMs: (value: Value) => number;
  pauseMs?: number;
  onFailureBehind?: (error: unknown) => void;
}): KeepFresh<Value> {
  const { load, ttlMs, maxAgeMs, pauseMs = 0, onFailureBehind } = options;
  let kept: Kept<Value> | undefined;
  let underWay: Promise<Kept<Value>> | undefined;
  let notBefore = 0;

  return {
    read: () => {
      const now = performance.now();
      if (!kept || now >= kept.usableUntil) return reload();
      if (now >= kept.freshUntil && now >= notBefore && !underWay) reloadBehind();
      return kept;
    },
  };

  function reload(): Promise<Kept<Value>> {
    underWay ??= loadAndKeep().finally(() => {
      underWay = undefined;
    });
    return underWay;
  }

  function reloadBehind(): void {
    reload().catch((error: unknown) => {
      notBefore = performance.now() + pauseMs;
      onFailureBehind?.(error);
    });
  }

  async function loadAndKeep(): Promise<Kept<Value>> {
    const value = await load();
    const loadedAt = performance.now();
    const freshUntil = loadedAt + ttlMs(value);
    kept = { value, loadedAt, freshUntil, usableUntil: loadedAt + maxAgeMs(value) };
    return kept;
  }
}
