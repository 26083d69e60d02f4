import { setImmediate as turn } from 'node:timers/promises';
import { inSpan } from '@loan-buddy/kit/telemetry';
import { observeBatches } from './batch-metrics';
import { inBatchSpan, type WaitingSpan } from './batch-span';
import { DatabaseUnavailableError, sqlState } from './unavailable';

/** Measured with 64 connections: larger batches gain nothing more, and one refused item takes longer to find. */
const MAX_BATCH = 64;
/** A batch usually takes 2 to 20 ms. If one takes this long, a lock or the network holds it up. */
const PATIENCE_MS = 100;
/** Attempts for a transaction that conflicts with others. */
const MAX_ATTEMPTS = 5;

/**
 * Writes items in batches: while one batch is being written, further items gather, and the next batch takes them. A
 * single item is written at once. Returns the function that writes one item and returns its own result.
 *
 * If the database refuses a batch because of an item in it, the others are written without that item. If the database is
 * unavailable, each item gets that error: it may or may not have been written. A batch that takes long does not hold up
 * the next one.
 *
 * In a trace, each item has a span for its wait; see {@link inBatchSpan}.
 *
 * @param options.name what writing an item does, as the name of its span and for metrics
 * @param options.write writes all items in one transaction; returns their results, in order
 * @param options.keyOf items with the same key are never in one batch; must not throw
 */
export function createBatch<Item, Result>(options: {
  name: string;
  write: (items: readonly Item[]) => Promise<readonly Result[]>;
  keyOf: (item: Item) => string | undefined;
}): (item: Item) => Promise<Result> {
  interface Entry {
    item: Item;
    span: WaitingSpan;
    since: number;
    resolve: (result: Result) => void;
    reject: (error: unknown) => void;
  }
  const { name, write, keyOf } = options;
  const { observeSize, observeWait } = observeBatches(name);
  let waiting: Entry[] = [];
  /** Identifies the write in progress that the next batch waits for. */
  let current: symbol | undefined;

  /** Takes the oldest items, without two of the same key. */
  function takeBatch(): Entry[] {
    const batch: Entry[] = [];
    const keys = new Set<string>();
    waiting = waiting.filter((entry) => {
      const key = keyOf(entry.item);
      if (batch.length === MAX_BATCH || (key !== undefined && keys.has(key))) return true;
      if (key !== undefined) keys.add(key);
      batch.push(entry);
      return false;
    });
    return batch;
  }

  async function writeBatch(batch: readonly Entry[]): Promise<void> {
    const parts = [batch];
    for (let part = parts.pop(); part; part = parts.pop()) {
      const items = part.map(({ item }) => item);
      const spans = part.map(({ span }) => span);
      try {
        const results = await inBatchSpan(`${name} batch`, spans, () =>
          items.length > 1 ? write(items) : retryConflicts(() => write(items)),
        );
        for (const [i, { resolve }] of part.entries()) resolve(results[i]!);
      } catch (error) {
        const isUnavailable = error instanceof DatabaseUnavailableError && !isConflict(error);
        if (items.length > 1 && !isUnavailable) {
          const middle = Math.ceil(items.length / 2);
          parts.push(part.slice(middle), part.slice(0, middle));
          continue;
        }
        for (const { reject } of part) reject(error);
        // The rest would only wait for the same error.
        if (isUnavailable) for (const { reject } of parts.splice(0).flat()) reject(error);
      }
    }
  }

  async function writeNext(): Promise<void> {
    if (current || waiting.length === 0) return;
    const thisWrite = Symbol();
    current = thisWrite;
    const startNext = () => {
      if (current !== thisWrite) return;
      current = undefined;
      void writeNext();
    };
    const timer = setTimeout(startNext, PATIENCE_MS);
    const batch = takeBatch();
    observeSize(batch.length);
    const now = performance.now();
    for (const { since } of batch) observeWait((now - since) / 1000);
    await writeBatch(batch);
    clearTimeout(timer);
    // The next batch takes what arrives until the end of this turn: the embedded database blocks this thread, and without
    // this, each batch on it would have one item.
    await turn();
    startNext();
  }

  return (item) =>
    inSpan(
      name,
      {},
      (span) =>
        new Promise((resolve, reject) => {
          waiting.push({ item, span, since: performance.now(), resolve, reject });
          void writeNext();
        }),
    );
}

/** Repeats a transaction that conflicts with another one. */
export async function retryConflicts<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isConflict(error)) throw error;
    }
  }
}

/** Whether the database rolled back a transaction because another one locked or changed the same rows. */
function isConflict(error: unknown): boolean {
  const state = error instanceof DatabaseUnavailableError ? sqlState(error.cause) : undefined;
  // Serialization failure and deadlock.
  return state === '40001' || state === '40P01';
}
