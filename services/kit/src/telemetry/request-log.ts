import type { Logger } from './logger';
import type { ServedRequest } from './request-durations';

/** The log line of a request. */
export interface RequestLine extends ServedRequest {
  requestId: string;
  /** If no route matched: the path without its query, shortened, control characters escaped. */
  path?: string;
}

/** Writes the line of one request: `warn` if it was aborted or failed here, else `info`. */
export function logRequest(logger: Logger, line: RequestLine): void {
  if (line.status === null) logger.warn(line, 'request aborted');
  else if (line.status >= 500) logger.warn(line, 'request');
  else logger.info(line, 'request');
}
