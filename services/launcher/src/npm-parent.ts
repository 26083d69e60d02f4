const POLL_MS = 300;

/** Our parent when this module loads: npm, or its shell if that did not replace itself with us. */
const parent = process.ppid;

/**
 * Calls `onGone` once npm or its shell has ended: they do not forward every signal. The rest takes seconds to load, so
 * npm may have ended before.
 *
 * @param npm its process id, which the script in package.json passes on; not a number if npm did not start us
 */
export function watchNpm(npm: number, onGone: () => void): void {
  if (!(npm > 0)) return;
  const timer = setInterval(() => {
    // The system gives the children of a process that ends a new parent at once.
    if (process.ppid === parent && isAlive(npm)) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS).unref();
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // It may run as another user.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
