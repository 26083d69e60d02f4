import { AppError } from '../problem';

/** More is under way than can be done in time: it is better to be told so now than to wait for it. */
export class OverloadedError extends AppError {
  readonly code = 'overloaded';
  override readonly denied = true;

  constructor() {
    super('too many requests at once', { retryAfterSeconds: 1 });
  }
}

/** Adds up the requests that are being worked on, by what each weighs. */
export interface LoadShedder {
  /**
   * Takes on one more.
   *
   * @throws {OverloadedError} where that would be more than can be done in time.
   */
  acquire: (weight: number) => void;
  release: (weight: number) => void;
}

/** What a request may have waited for others that arrived with it. */
const MAX_TURN_MS = 40;
/** A burst may take longer, for this long. */
const PATIENCE_MS = 500;

/**
 * Whether requests wait too long to be looked at. All that have arrived are looked at in one turn of the event loop: how long
 * that has taken is how long the last of them has waited. Work that never waits, such as that of an embedded database, is
 * not seen any other way.
 */
function createTurnWatch(): () => boolean {
  let startedAt: number | undefined;
  let lateSince: number | undefined;
  const end = () => {
    if (performance.now() - startedAt! < MAX_TURN_MS) lateSince = undefined;
    startedAt = undefined;
  };
  return () => {
    const now = performance.now();
    if (startedAt === undefined) {
      startedAt = now;
      setImmediate(end);
      return false;
    }
    if (now - startedAt < MAX_TURN_MS) return false;
    lateSince ??= now;
    return now - lateSince >= PATIENCE_MS;
  };
}

/** One for all: who is shed under load should cost next to nothing, and a stack trace does not. */
const overloaded = new OverloadedError();

/** @param maxWeight how much may be worked on at a time */
export function createLoadShedder(maxWeight: number): LoadShedder {
  const isLate = createTurnWatch();
  let active = 0;
  return {
    acquire: (weight) => {
      if (active + weight > maxWeight || isLate()) throw overloaded;
      active += weight;
    },
    release: (weight) => {
      active -= weight;
    },
  };
}
