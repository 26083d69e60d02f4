import { pino, type Logger } from 'pino';
import { googleLog, googleSpanFields } from './google-log';
import { bufferLines, isoTime, type ByteStream } from './log-buffer';
import { spanFields } from './spans';

export type { Logger } from 'pino';

const WARN = pino.levels.values['warn']!;

/**
 * Creates a logger that writes one JSON line per event. Lines are written together, after 100 ms at the latest and when
 * the process exits. A process ended by SIGKILL may lose its last 100 ms of log.
 */
export function createLogger(options: {
  service: string;
  level: string;
  /** Default: `json`, pino's own. */
  format?: 'json' | 'google';
  /** The Google Cloud project of the traces. */
  project?: string | undefined;
  /** Where the lines go. Default: stdout. */
  to?: ByteStream;
}): Logger {
  const { service, level, format = 'json', project, to } = options;
  const mixin = spanFields(
    format === 'google'
      ? googleSpanFields(project)
      : ({ traceId, spanId }) => ({ trace_id: traceId, span_id: spanId }),
  );
  return pino(
    {
      level,
      base: { service },
      timestamp: isoTime(),
      ...(mixin && { mixin }),
      ...(format === 'google'
        ? googleLog
        : { formatters: { level: (label) => ({ level: label }) } }),
      // For errors that the hook does not see: logged without other fields, or bound to a child logger.
      serializers: {
        err: (error: unknown) => (error instanceof Error ? describeError(error) : error),
      },
      hooks: {
        // Up to `warn`, an error is an expected failure, usually of another service, so this drops the stack, unless
        // the log level is `debug` or the fault is in our own code.
        logMethod(args, log, level) {
          const [fields] = args as unknown[] as [{ err?: unknown } | string | undefined];
          if (typeof fields === 'object' && fields.err !== undefined) {
            const withStack = level > WARN || this.isLevelEnabled('debug') || isFault(fields.err);
            args[0] = { ...fields, err: describeError(fields.err, withStack) };
          }
          log.apply(this, args);
        },
      },
    },
    bufferLines(to),
  );
}

/** Detects a fault in the code, such as reading a property of undefined. `fetch` throws a TypeError too, with a cause. */
function isFault(error: unknown): boolean {
  const names = ['TypeError', 'ReferenceError', 'RangeError'];
  return error instanceof Error && names.includes(error.name) && !error.cause;
}

/** The longest message or stack worth logging: some errors quote untrusted input. */
const MAX_TEXT = 2048;

/**
 * Describes an error for the log. The fields are an explicit list, because HTTP clients attach requests, headers and
 * bodies to their errors. Includes the causes and cuts long texts.
 */
export function describeError(error: unknown, withStack = true): unknown {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  return {
    type: error.name,
    message: error.message.slice(0, MAX_TEXT),
    ...('code' in error && { code: error.code }),
    ...(withStack && { stack: error.stack?.slice(0, MAX_TEXT) }),
    ...(error.cause !== undefined && { cause: describeError(error.cause, withStack) }),
  };
}
