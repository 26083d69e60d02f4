import { destination, pino, type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

/** How long a log line may wait in memory before it is written. */
const FLUSH_INTERVAL_MS = 100;
/** Lines of this many characters together are written at once. */
const BUFFER_LENGTH = 32_768;

/**
 * One JSON line per event on stdout: `level` as a word, `time` as ISO 8601, `service`, the fields, `msg`.
 *
 * Lines are gathered and written together, at the latest after 100 ms and always when the process ends by itself;
 * a process ended by SIGKILL may lose its last 100 ms of log.
 */
export function createLogger(options: {
  service: string;
  level: string;
  /** Where the lines go; stdout unless given. */
  to?: DestinationStream;
}): Logger {
  return pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: isoTime(),
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    gathering(options.to ?? destination({ dest: 1, sync: true })),
  );
}

/** Pino's own buffering measures its whole buffer again for every line; here a line only costs its concatenation. */
function gathering(stream: DestinationStream): DestinationStream {
  let lines = '';
  const flush = () => {
    if (lines === '') return;
    stream.write(lines);
    lines = '';
  };
  setInterval(flush, FLUSH_INTERVAL_MS).unref();
  process.once('exit', flush);
  return {
    write: (line) => {
      lines += line;
      if (lines.length >= BUFFER_LENGTH) flush();
    },
  };
}

/** ISO 8601 in UTC, made once a millisecond: under load many lines share one. */
function isoTime(): () => string {
  let at = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/** How much of an error's message or stack is worth a line: some errors quote what somebody sent. */
const MAX_TEXT = 2048;

/**
 * What a log may say of an error: an explicit list, because HTTP clients hang requests, headers and bodies on theirs.
 * Causes are followed, and long texts cut.
 */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  return {
    type: error.name,
    message: error.message.slice(0, MAX_TEXT),
    ...('code' in error && { code: error.code }),
    stack: error.stack?.slice(0, MAX_TEXT),
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  };
}
