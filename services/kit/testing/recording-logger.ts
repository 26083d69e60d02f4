import { pino, type Logger } from 'pino';
import { describeError } from '../src/telemetry/logger';

export type LogLine = Record<string, unknown> & { level: string; msg: string };

/** A logger, and the lines written to it. */
export function recordingLogger(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const logger = pino(
    {
      level: 'trace',
      base: {},
      timestamp: false,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    { write: (line) => lines.push(JSON.parse(line) as LogLine) },
  );
  return { logger, lines };
}
