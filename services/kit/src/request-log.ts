import { infoWriterOf, type Logger } from './logger';
import type { ServedRequest } from './request-durations';

/** What the log says of each request. */
export interface RequestLine extends ServedRequest {
  requestId: string;
  /** If no route matched: the path without its query, cut to a length, control characters escaped. */
  path?: string;
}

/**
 * Creates what writes one line a request: `warn` for one that was aborted or failed here, else `info`. Of most, the JSON is
 * made by hand, the same to the byte: pino takes as long for it as the rest of the service for an answer out of memory.
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
