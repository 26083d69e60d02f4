/** The work was not done in time. */
export class DeadlineExceededError extends Error {
  readonly code = 'deadline-exceeded';
  override readonly name = 'DeadlineExceededError';
}

/** Work that has not obeyed its signal by then is left behind. */
const GRACE_MS = 100;

/**
 * Does work that is told by its signal when `timeoutMs` have passed, and then has a moment to come back with what it has.
 *
 * @throws {DeadlineExceededError} where it fails after that, or does not come back; before, whatever the work throws.
 */
export function withDeadline<Result>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  // By hand, as each answer of a provider goes through two of these: a race is four promises more.
  return new Promise((resolve, reject) => {
    const deadline = new AbortController();
    const exceeded = (options?: ErrorOptions) =>
      new DeadlineExceededError(`not done in ${String(timeoutMs)} ms`, options);
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
