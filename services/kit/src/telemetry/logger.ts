import { destination, pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';

export type { Logger } from 'pino';

/** How long a log line may wait in memory before it is written. */
const FLUSH_INTERVAL_MS = 100;
/** Lines of this many bytes together are written at once. */
const BUFFER_BYTES = 65_536;
/** The most bytes that one character of a string takes in UTF-8. */
const MAX_BYTES_PER_CHAR = 3;

/** Where the log's bytes go. */
interface ByteStream {
  write: (bytes: Buffer) => unknown;
}

/**
 * Creates a logger that writes one JSON line per event: `level` as a word, `time` as ISO 8601, `service`, the fields,
 * `msg`.
 *
 * Lines are written together, after 100 ms at the latest and always when the process exits by itself. A process ended
 * by SIGKILL may lose its last 100 ms of log.
 */
export function createLogger(options: {
  service: string;
  level: string;
  /** Where the lines go. Default: stdout. */
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
 * Returns a function that writes the same `info` line as the logger, from fields that are JSON already, including their
 * names and the message. For lines so frequent that serializing each field takes too long. Undefined for a logger that
 * was not created here.
 */
export function infoWriterOf(logger: Logger): ((fields: string) => void) | undefined {
  return infoWriters.get(logger);
}

/** Pino's types only know text. */
function stdout() {
  return destination({ dest: 1, sync: true, contentMode: 'buffer' });
}

/**
 * Buffers lines. Pino's own buffering measures its whole buffer again for every line. This encodes each line while it
 * is in cache: one long string of many lines would be taken apart again on writing.
 */
function gathering(stream: ByteStream): DestinationStream {
  let lines = Buffer.allocUnsafe(BUFFER_BYTES);
  let length = 0;
  const flush = () => {
    if (length === 0) return;
    stream.write(lines.subarray(0, length));
    // The stream may still need the old buffer.
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

/** ISO 8601 in UTC, formatted once per millisecond: under load, many lines share one. */
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

/** The longest message or stack worth logging: some errors quote untrusted input. */
const MAX_TEXT = 2048;

/**
 * Describes an error for the log. The fields are an explicit list, because HTTP clients attach requests, headers and
 * bodies to their errors. Includes the causes and cuts long texts.
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
