/** The work did not finish within its deadline. */
export class DeadlineExceededError extends Error {
  readonly code = 'deadline-exceeded';
  override readonly name = 'DeadlineExceededError';
}

/** How long work may take to react to its signal. */
const GRACE_MS = 100;

/**
 * Runs work whose signal aborts after `timeoutMs`. The work then has a moment to return a partial result.
 *
 * @throws {DeadlineExceededError} if the work fails after that or does not return; before, rethrows the work's error.
 */
export function withDeadline<Result>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  // Not `Promise.race`: each provider result goes through two of these, and a race needs four more promises.
  return new Promise((resolve, reject) => {
    const deadline = new AbortController();
    const exceeded = (options?: ErrorOptions) =>
      new DeadlineExceededError(`deadline of ${String(timeoutMs)} ms exceeded`, options);
    let timer = setTimeout(() => {
      timer = setTimeout(() => {
        reject(exceeded());
      }, GRACE_MS);
      deadline.abort();
    }, timeoutMs);
    work(deadline.signal).then(
      (result) => {
        clearTimeout(timer);
        resolve(result);
      },
      (error: unknown) => {
        clearTimeout(timer);
        const isLate = deadline.signal.aborted && !(error instanceof DeadlineExceededError);
        reject(isLate ? exceeded({ cause: error }) : (error as Error));
      },
    );
  });
}
