import { destination, pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';

export type { Logger } from 'pino';

/** How long a log line may wait in memory before it is written. */
const FLUSH_INTERVAL_MS = 100;
/** Lines that need as many bytes together are written at once. */
const BUFFER_BYTES = 65_536;
/** A character of a string has no more bytes in UTF-8. */
const MAX_BYTES_PER_CHAR = 3;

/** Where the log's bytes go. */
interface ByteStream {
  write: (bytes: Buffer) => unknown;
}

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
  to?: ByteStream;
}): Logger {
  const { service, level, to = stdout() as unknown as ByteStream } = options;
  const stream = gathering(to);
  const time = isoTime();
  const logger = pino(
    {
      level,
      base: { service },
      timestamp: time,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeLogged },
      hooks: { logMethod: withoutNeedlessStack },
    },
    stream,
  );
  const base = `,"service":${JSON.stringify(service)},`;
  infoWriters.set(logger, (fields) => {
    if (logger.isLevelEnabled('info')) stream.write(`{"level":"info"${time()}${base}${fields}}\n`);
  });
  return logger;
}

const infoWriters = new WeakMap<Logger, (fields: string) => void>();

/**
 * What writes a line at `info` as the logger would, of fields that are JSON already, their names and the message included:
 * for lines of which there are so many that looking at each field takes its time. Undefined for a logger not made here.
 */
export function infoWriterOf(logger: Logger): ((fields: string) => void) | undefined {
  return infoWriters.get(logger);
}

/** Its types know of text only. */
function stdout() {
  return destination({ dest: 1, sync: true, contentMode: 'buffer' });
}

/**
 * Pino's own buffering measures its whole buffer again for every line. Here each line is encoded while it is warm: a long
 * string of many would be taken apart again when it is written.
 */
function gathering(stream: ByteStream): DestinationStream {
  let lines = Buffer.allocUnsafe(BUFFER_BYTES);
  let length = 0;
  const flush = () => {
    if (length === 0) return;
    stream.write(lines.subarray(0, length));
    // Whoever writes it may need it for a while.
    lines = Buffer.allocUnsafe(BUFFER_BYTES);
    length = 0;
  };
  setInterval(flush, FLUSH_INTERVAL_MS).unref();
  process.once('exit', flush);
  return {
    write: (line) => {
      const most = line.length * MAX_BYTES_PER_CHAR;
      if (length + most > BUFFER_BYTES) flush();
      if (most > BUFFER_BYTES) stream.write(Buffer.from(line));
      else length += lines.write(line, length);
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

type LogFnHook = NonNullable<NonNullable<LoggerOptions['hooks']>['logMethod']>;

const WARN = pino.levels.values['warn']!;

/**
 * Up to `warn`, an error is an expected failure, usually of another service, and its message is enough. Keeps the stack at
 * `debug`, and for a fault in our own code.
 */
const withoutNeedlessStack: LogFnHook = function (args, log, level) {
  const [fields] = args as unknown[] as [{ err?: unknown } | string | undefined];
  const err = typeof fields === 'object' ? fields.err : undefined;
  if (err instanceof Error && level <= WARN && !this.isLevelEnabled('debug') && !isFault(err)) {
    args[0] = { ...(fields as object), err: new Expected(err) };
  }
  log.apply(this, args);
};

/** An error whose stack the log leaves out. */
class Expected {
  constructor(readonly error: Error) {}
}

function describeLogged(error: unknown): unknown {
  if (!(error instanceof Expected)) return describeError(error);
  return withoutStack(describeError(error.error) as Description);
}

/** Detects a fault in the code, such as reading a property of undefined. `fetch` throws a TypeError too, with a cause. */
function isFault(error: Error): boolean {
  return ['TypeError', 'ReferenceError', 'RangeError'].includes(error.name) && !error.cause;
}

interface Description {
  stack?: string;
  cause?: Description;
}

function withoutStack(description: Description): Description {
  const { cause, ...rest } = description;
  delete rest.stack;
  return cause === undefined ? rest : { ...rest, cause: withoutStack(cause) };
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
