import { prettyFactory } from 'pino-pretty';

const prettify = prettyFactory({
  colorize: process.stdout.isTTY,
  translateTime: 'SYS:HH:MM:ss.l',
  singleLine: true,
  ignore: 'service,method,route,status,durationMs,requestId',
  messageFormat: (log, messageKey) => {
    const { service, method, route, status, durationMs } = log;
    const who = String(service).padEnd('confirm-payment'.length);
    if (method === undefined) return `${who}  ${String(log[messageKey])}`;
    const what = [method, route ?? '?', status ?? 'aborted'].map(String).join(' ');
    return `${who}  ${what} in ${Number(durationMs).toFixed(1)} ms`;
  },
});

/** A service's JSON log line for people; anything else that it prints is left as it is. */
export function readable(line: string): string {
  return line.startsWith('{') ? prettify(line).trimEnd() : line;
}
