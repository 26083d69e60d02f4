import { destination, pino, stdTimeFunctions, type Logger } from 'pino';

export type { Logger } from 'pino';

/** How long a log line may wait in memory before it is written. */
const FLUSH_INTERVAL_MS = 100;
/** A full buffer of this many bytes is written at once. */
const BUFFER_BYTES = 4096;

/**
 * One JSON line per event on stdout: `level` as a word, `time` as ISO 8601, `service`, the fields, `msg`.
 *
 * Lines are gathered and written together, at the latest after 100 ms and always when the process ends by itself;
 * a process ended by SIGKILL may lose its last 100 ms of log.
 */
export function createLogger(options: { service: string; level: string }): Logger {
  const stream = destination({ dest: 1, sync: true, minLength: BUFFER_BYTES });
  setInterval(() => {
    stream.flush();
  }, FLUSH_INTERVAL_MS).unref();
  process.once('exit', () => {
    stream.flushSync();
  });
  return pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    stream,
  );
}

/**
 * What a log may say of an error: an explicit list, because HTTP clients hang requests, headers and bodies on theirs.
 * Causes are followed.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  return {
    type: error.name,
    message: error.message,
    ...('code' in error && { code: error.code }),
    stack: error.stack,
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  };
}
