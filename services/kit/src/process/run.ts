import type { Logger } from '../telemetry/logger';
import type { Tracing } from '../telemetry/start-tracing';
import { StartError } from './start-error';

/** Time limit for exporting the last spans. Shorter if less is left of the shutdown. */
const TRACES_MS = 2000;
/** Time kept for the exit itself. */
const EXIT_MS = 100;

export interface Running {
  logger: Logger;
  shutdownTimeoutMs: number;
  /** Stops everything that was started, in reverse order. */
  close: () => Promise<void>;
}

/**
 * Runs a process from start to end.
 * - If the start fails, prints why, without a stack for a {@link StartError}, and exits 1.
 * - Once started, sends `{ type: 'ready' }` to a parent with an IPC channel.
 * - On SIGTERM, SIGINT, SIGHUP or SIGQUIT, or when such a parent exits, closes and exits 0, or 1 if closing fails or
 *   takes longer than `shutdownTimeoutMs`. During the start, exits 0 at once. Exports the last spans before it exits.
 * - An uncaught exception exits 1 at once: acknowledged work is stored elsewhere, and a process in an unknown state
 *   should not continue.
 */
export async function runProcess(
  name: string,
  start: () => Promise<Running>,
  tracing?: Tracing,
): Promise<void> {
  let stop: (reason: string) => void = () => process.exit(0);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']) {
    process.on(signal, () => {
      stop(signal);
    });
  }
  process.on('disconnect', () => {
    stop('the parent process has exited');
  });

  let running: Running;
  try {
    running = await start();
  } catch (error) {
    exitWith(name, error);
  }
  const { logger, shutdownTimeoutMs, close } = running;
  tracing?.reportTo(logger);

  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'uncaught exception');
    process.exit(1);
  });

  stop = (reason) => {
    stop = () => undefined;
    logger.info({ reason }, 'stopping');
    const endsAt = performance.now() + shutdownTimeoutMs;
    const deadline = setTimeout(() => {
      logger.error({ shutdownTimeoutMs }, 'shutdown timed out');
      process.exit(1);
    }, shutdownTimeoutMs);
    void close()
      .then(
        () => {
          logger.info('stopped');
          return 0;
        },
        (error: unknown) => {
          logger.error({ err: error }, 'stopped with an error');
          return 1;
        },
      )
      .then(async (code) => {
        const leftMs = endsAt - performance.now() - EXIT_MS;
        await tracing?.stop(Math.max(0, Math.min(TRACES_MS, leftMs)));
        clearTimeout(deadline);
        process.exit(code);
      });
  };
  process.send?.({ type: 'ready' });
}

/** Prints why, without a stack for a {@link StartError}, and ends the process. */
export function exitWith(name: string, error: unknown, code = 1): never {
  const expected = error instanceof StartError;
  const text = expected ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${name}: ${text ?? ''}\n`);
  process.exit(code);
}
