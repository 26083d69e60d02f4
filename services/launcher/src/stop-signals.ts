/** A single Ctrl-C may arrive twice: from the terminal, and from npm, which forwards it. */
const SAME_CTRL_C_MS = 500;

/**
 * Handles the signals that end the launcher.
 *
 * @returns `stop`, which aborts at the first signal or when `end` is called; `force`, which aborts at a second Ctrl-C
 */
export function stopSignals(): { stop: AbortSignal; force: AbortSignal; end: () => void } {
  const stop = new AbortController();
  const force = new AbortController();
  const end = () => {
    stop.abort();
  };
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, end);
  let interruptedAt: number | undefined;
  process.on('SIGINT', () => {
    const now = performance.now();
    interruptedAt ??= now;
    if (now - interruptedAt > SAME_CTRL_C_MS) force.abort();
    end();
  });
  return { stop: stop.signal, force: force.signal, end };
}
