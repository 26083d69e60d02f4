import { TraceFlags, type SpanContext } from '@opentelemetry/api';
import type { LoggerOptions } from 'pino';
import type { ServedRequest } from './requests';

const SEVERITIES: Record<string, string> = {
  trace: 'DEBUG',
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'CRITICAL',
};

/**
 * Writes log lines with the fields that Cloud Logging knows: https://cloud.google.com/logging/docs/structured-logging.
 * The time is one of them already.
 */
export const googleLog = {
  messageKey: 'message',
  formatters: {
    level: (label) => ({ severity: SEVERITIES[label] }),
    log: (fields) => (isRequest(fields) ? withHttpRequest(fields) : fields),
  },
} satisfies LoggerOptions;

/** Only the lines of requests have a route. */
function isRequest(fields: object): fields is Partial<ServedRequest> {
  return 'route' in fields;
}

function withHttpRequest(request: Partial<ServedRequest>) {
  const { method, route, path, status, durationMs, ...rest } = request;
  const httpRequest = {
    requestMethod: method ?? undefined,
    requestUrl: route ?? path,
    status: status ?? undefined,
    latency: durationMs === undefined ? undefined : `${(durationMs / 1000).toFixed(6)}s`,
  };
  return { httpRequest, ...rest };
}

/** Returns what writes the ids of a span. Without a project, Cloud Logging completes the name of the trace. */
export function googleSpanFields(project: string | undefined) {
  const prefix = project === undefined ? '' : `projects/${project}/traces/`;
  return ({ traceId, spanId, traceFlags }: SpanContext) => ({
    'logging.googleapis.com/trace': `${prefix}${traceId}`,
    'logging.googleapis.com/spanId': spanId,
    'logging.googleapis.com/trace_sampled': (traceFlags & TraceFlags.SAMPLED) !== 0,
  });
}
