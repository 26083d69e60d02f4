import { AppError } from '../problem';

/** More is under way than can be done in time: it is better to be told so now than to wait for it. */
export class OverloadedError extends AppError {
  readonly code = 'overloaded';
  override readonly denied = true;

  constructor() {
    super('too many requests at once', { retryAfterSeconds: 1 });
  }
}

/** Counts the requests that are being worked on. */
export interface LoadShedder {
  /** @throws {OverloadedError} where there are as many as there may be. */
  check: () => void;
  /** Counts one more, unless there are as many as there may be. */
  enter: () => void;
  leave: () => void;
}

/** @param maxConcurrent how many may be worked on at a time */
export function createLoadShedder(maxConcurrent: number): LoadShedder {
  let active = 0;
  const check = () => {
    if (active >= maxConcurrent) throw new OverloadedError();
  };
  return {
    check,
    enter: () => {
      check();
      active += 1;
    },
    leave: () => {
      active -= 1;
    },
  };
}
