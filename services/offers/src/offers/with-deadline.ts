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
export async function withDeadline<Result>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const deadline = new AbortController();
  const exceeded = (options?: ErrorOptions) =>
    new DeadlineExceededError(`not done in ${String(timeoutMs)} ms`, options);
  let timer: NodeJS.Timeout | undefined;
  const leftBehind = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      timer = setTimeout(() => {
        reject(exceeded());
      }, GRACE_MS);
      deadline.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(deadline.signal), leftBehind]);
  } catch (error) {
    if (!deadline.signal.aborted || error instanceof DeadlineExceededError) throw error;
    throw exceeded({ cause: error });
  } finally {
    clearTimeout(timer);
  }
}
