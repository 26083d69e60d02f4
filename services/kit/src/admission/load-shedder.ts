import { AppError } from '../problem/app-error';

/** Too much work is in progress. Failing now is better than a response that comes too late. */
export class OverloadedError extends AppError {
  readonly code = 'overloaded';
  override readonly denied = true;

  constructor() {
    super('too many requests at once', { retryAfterSeconds: 1 });
  }
}

/** How long a request may wait for others that arrived in the same turn. */
const MAX_TURN_MS = 40;
/** How long turns may exceed that: a burst is not yet overload. */
const PATIENCE_MS = 500;

/**
 * Returns whether requests wait too long. One turn of the event loop handles all that have arrived, so its duration is
 * how long the last of them has waited. Nothing else detects work that never yields, such as an embedded database's.
 */
function createTurnWatch(): () => boolean {
  let startedAt: number | undefined;
  let endedAt = -Infinity;
  let lateSince: number | undefined;
  const end = () => {
    endedAt = performance.now();
    if (endedAt - startedAt! < MAX_TURN_MS) lateSince = undefined;
    startedAt = undefined;
  };
  return () => {
    const now = performance.now();
    if (startedAt === undefined) {
      startedAt = now;
      // After such a pause, no request was waiting when the last turn ended.
      if (now - endedAt >= MAX_TURN_MS) lateSince = undefined;
      setImmediate(end);
      return false;
    }
    if (now - startedAt < MAX_TURN_MS) return false;
    lateSince ??= now;
    return now - lateSince >= PATIENCE_MS;
  };
}

/** One shared instance: shedding must be cheap, and creating a stack trace is not. */
const overloaded = new OverloadedError();

/** Limits the total weight of the requests in progress. */
export type LoadShedder = ReturnType<typeof createLoadShedder>;

export function createLoadShedder(maxWeight: number) {
  const isLate = createTurnWatch();
  let active = 0;
  return {
    /** @throws {OverloadedError} if the total exceeds the limit, or if requests wait too long. */
    acquire: (weight: number) => {
      if (active + weight > maxWeight || isLate()) throw overloaded;
      active += weight;
    },
    release: (weight: number) => {
      active -= weight;
    },
  };
}
