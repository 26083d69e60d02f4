import { parseJson } from '@loan-buddy/kit/messaging';
import { prettyFactory, type PrettyOptions } from 'pino-pretty';

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
  const options: PrettyOptions = {
    colorize: view.colorize,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    messageFormat: (log, messageKey) =>
      `${String(log['service']).padEnd('confirm-payment'.length)}  ${String(log[messageKey])}`,
  };
  const request = 'method,route,path,status,durationMs';
  const showRequest = prettyFactory({ ...options, ignore: `service,requestId,${request}` });
  const showOther = prettyFactory({ ...options, ignore: 'service,requestId' });

  return (text: string): { time: number; text: string } | undefined => {
    const line = text.startsWith('{') ? (parseJson(text) as Line | undefined) : undefined;
    if (!line) return { time: Date.now(), text };
    if (line['audit'] !== undefined && !view.showAudit) return undefined;
    const show = line['method'] === undefined ? showOther : showRequest;
    const time = Date.parse(line.time ?? '') || Date.now();
    return { time, text: show({ ...line, ...summary(line) }).trimEnd() };
  };
}

/** Shortens a line to its request, or to its message with the causes of its error. Keeps an error that has a stack. */
function summary({ msg, err, method, route, path, status, durationMs }: Line): Partial<Line> {
  // Bytes that were not a request: the service knows neither a method nor a duration.
  if (method === null) return { msg: `malformed request ${String(status)}` };
  if (method !== undefined) {
    // Empty if the target is not a path, such as `*` or a whole URL.
    const target = route ?? (path === '' ? undefined : path) ?? '?';
    const request = [method, target, status ?? 'aborted'].map(String).join(' ');
    return { msg: `${request} in ${Number(durationMs).toFixed(1)} ms` };
  }
  if (!err || err.stack !== undefined) return {};
  const reasons: string[] = [];
  for (let each: LoggedError | undefined = err; each; each = each.cause) {
    const { message = '', code } = each;
    const addsCode = typeof code === 'string' && !message.includes(code);
    reasons.push(addsCode ? `${message} (${code})`.trim() : message);
  }
  return { msg: `${String(msg)}: ${reasons.join(': ')}`, err: undefined };
}
