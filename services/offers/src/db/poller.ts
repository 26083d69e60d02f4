import type { Logger } from '@loan-buddy/kit/telemetry';

/** How often to look for work when nothing wakes the poller, by default. */
const POLL_MS = 500;

/** Works whenever there is something to do. */
export interface Poller {
  start: () => void;
  /** Looks for work now. */
  wake: () => void;
  /** Starts no more work. Resolves when the work in progress is done. */
  stop: () => Promise<void>;
}

/**
 * Looks for work every `pollMs`, by default half a second, and whenever it is woken; one look at a time.
 *
 * @param options.name names the work in the log
 * @param options.work does what it finds, and returns whether there may be more at once
 */
export function createPoller(options: {
  name: string;
  work: () => Promise<boolean>;
  pollMs?: number | undefined;
  logger: Logger;
}): Poller {
  const { name, work, pollMs = POLL_MS, logger } = options;
  let stopping = false;
  let failing = false;
  let running: Promise<void> = Promise.resolve();
  let wakes = 0;
  let endRest: () => void = () => undefined;

  async function run(): Promise<void> {
    while (!stopping) {
      const before = wakes;
      // Work may have arrived after `work` looked for it.
      if (!(await tryToWork()) && wakes === before) await rest();
    }
  }

  async function tryToWork(): Promise<boolean> {
    try {
      const more = await work();
      failing = false;
      return more;
    } catch (error) {
      // Logged once: the next look comes soon, and an outage may last.
      if (!failing) logger.warn({ err: error, work: name }, 'polling failed');
      failing = true;
      return false;
    }
  }

  async function rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pollMs);
      endRest = () => {
        clearTimeout(timer);
        resolve();
      };
      if (stopping) endRest();
    });
  }

  const wake = () => {
    wakes += 1;
    endRest();
  };
  return {
    start: () => {
      running = run();
    },
    wake,
    stop: () => {
      stopping = true;
      wake();
      return running;
    },
  };
}
