/** The work did not finish within its deadline. */
export class DeadlineExceededError extends Error {
  readonly code = 'deadline-exceeded';
  override readonly name = 'DeadlineExceededError';
}

export type Deadline = Pick<AbortController, 'signal'>;

/** How long work may take to react to its signal. */
const GRACE_MS = 100;

/**
 * Runs work whose signal aborts after `timeoutMs`. The work then has a moment to return a partial result. It gets the
 * controller, which makes its signal only if the work reads it: a signal costs more than the rest of this function.
 *
 * @throws {DeadlineExceededError} if the work fails after that, or does not return. Rethrows an earlier error.
 */
export async function withDeadline<Result>(
  timeoutMs: number,
  work: (deadline: Deadline) => Promise<Result>,
): Promise<Result> {
  const deadline = new AbortController();
  const message = `deadline of ${String(timeoutMs)} ms exceeded`;
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      timer = setTimeout(reject, GRACE_MS, new DeadlineExceededError(message));
      deadline.abort();
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(deadline), expiry]);
  } catch (error) {
    if (!deadline.signal.aborted || error instanceof DeadlineExceededError) throw error;
    throw new DeadlineExceededError(message, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
