import { infoWriterOf, type Logger } from './logger';
import type { ServedRequest } from './request-durations';

/** The log line of a request. */
export interface RequestLine extends ServedRequest {
  requestId: string;
  /** If no route matched: the path without its query, shortened, control characters escaped. */
  path?: string;
}

/**
 * Returns a function that writes one line per request: `warn` if it was aborted or failed here, else `info`. It builds
 * the JSON of `info` lines by hand, byte for byte as pino would: pino takes as long as the rest of the service does for
 * a response out of memory.
 */
export function createRequestLog(logger: Logger): (line: RequestLine) => void {
  const writeInfo = infoWriterOf(logger);
  return (line) => {
    if (line.status === null) logger.warn(line, 'request aborted');
    else if (line.status >= 500) logger.warn(line, 'request');
    else if (writeInfo) writeInfo(toJson(line));
    else logger.info(line, 'request');
  };
}

/** Without the braces. */
function toJson({ method, route, status, durationMs, requestId, path }: RequestLine): string {
  const more = path === undefined ? '' : `,"path":${JSON.stringify(path)}`;
  return (
    `"method":${JSON.stringify(method)},"route":${JSON.stringify(route)},"status":${String(status)},` +
    `"durationMs":${String(durationMs)},"requestId":${JSON.stringify(requestId)}${more},"msg":"request"`
  );
}
