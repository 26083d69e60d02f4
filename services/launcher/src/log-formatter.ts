import { parseJson } from '@loan-buddy/kit/messaging';
import { prettyFactory } from 'pino-pretty';

type Line = Record<string, unknown> & { time?: string; err?: LoggedError | undefined };
interface LoggedError {
  message?: string;
  code?: unknown;
  stack?: string;
  cause?: LoggedError;
}

/** Whether to write in color: https://no-color.org, and `FORCE_COLOR` as Node.js understands it. */
export function useColors(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR } = env;
  if (FORCE_COLOR !== undefined) return !['0', 'false'].includes(FORCE_COLOR);
  return NO_COLOR ? false : isTerminal;
}

/**
 * Creates a function that turns a service's JSON log line into a readable one, with its time in milliseconds. It does
 * not change other lines, and returns undefined for an audit line, unless `showAudit`.
 */
export function createLogFormatter(view: { colorize: boolean; showAudit: boolean }) {
  const show = prettyFactory({
    colorize: view.colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    ignore: 'service,requestId,span_id',
    messageFormat: (log, messageKey) =>
      `${String(log['service']).padEnd('confirm-payment'.length)}  ${String(log[messageKey])}`,
  });

  return (text: string): { time: number; text: string } | undefined => {
    const line = text.startsWith('{') ? (parseJson(text) as Line | undefined) : undefined;
    if (!line) return { time: Date.now(), text };
    if (line['audit'] !== undefined && !view.showAudit) return undefined;
    const time = Date.parse(line.time ?? '') || Date.now();
    return { time, text: show(summary(line)).trimEnd() };
  };
}

/** Shortens a line to its request, or to its message with the causes of its error. Keeps an error that has a stack. */
function summary(line: Line): Line {
  const { method, route, path, status, durationMs, ...rest } = line;
  // Bytes that were not a request: the service knows neither a method nor a duration.
  if (method === null) return { ...rest, msg: `malformed request ${String(status)}` };
  if (method !== undefined) {
    // Empty if the target is not a path, such as `*` or a whole URL.
    const target = route ?? (path === '' ? undefined : path) ?? '?';
    const request = [method, target, status ?? 'aborted'].map(String).join(' ');
    return { ...rest, msg: `${request} in ${Number(durationMs).toFixed(1)} ms` };
  }
  if (!line.err || line.err.stack !== undefined) return line;
  const reasons: string[] = [];
  for (let each: LoggedError | undefined = line.err; each; each = each.cause) {
    const { message = '', code } = each;
    const addsCode = typeof code === 'string' && !message.includes(code);
    reasons.push(addsCode ? `${message} (${code})`.trim() : message);
  }
  return { ...line, msg: `${String(line['msg'])}: ${reasons.join(': ')}`, err: undefined };
}
