import type { Logger } from './logger';

/** How often work is looked for when nothing else tells of any, unless it is said. */
const POLL_MS = 500;

/** Works whenever there is something to do. */
export interface Poller {
  start: () => void;
  /** Looks for work now. */
  wake: () => void;
  /** Begins nothing more; resolves when what is in hand is done. */
  stop: () => Promise<void>;
}

/**
 * Looks for work every `pollMs`, half a second unless given, and whenever it is woken, one look after the other.
 *
 * @param options.name says in the log what was looked for
 * @param options.work does what it finds, and tells whether there may be more at once
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
      // What there was to do may have come up after it was looked for.
      if (!(await tryToWork()) && wakes === before) await rest();
    }
  }

  async function tryToWork(): Promise<boolean> {
    try {
      const more = await work();
      failing = false;
      return more;
    } catch (error) {
      // Said once: the next look comes soon, and the outage may take long.
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
