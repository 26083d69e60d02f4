import { trace, TraceFlags } from '@opentelemetry/api';
import { Histogram, type Registry } from 'prom-client';
import { createCounter } from './counter';
import type { Logger } from './logger';

/** A finished request: its response was sent, or its client left. */
export interface ServedRequest {
  method: string;
  /** The pattern that matched, such as `/orders/:id`; null if none did. */
  route: string | null;
  /** Null if the client left before the response was sent. */
  status: number | null;
  durationMs: number;
  requestId: string;
  /** If no route matched: the path without its query, shortened, control characters escaped. */
  path?: string;
}

/** Writes the log line of a request: `warn` if it was aborted or failed here, else `info`. */
export function logRequest(logger: Logger, request: ServedRequest): void {
  if (request.status === null) logger.warn(request, 'request aborted');
  else if (request.status >= 500) logger.warn(request, 'request');
  else logger.info(request, 'request');
}

/** From a response served from memory to a request that waited for every dependency. */
const BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Others count as `other`: Node.js accepts some thirty more, and a client may send them all. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);

/** Returns a function that counts a request. Routes, methods and statuses limit the number of series. */
export function createRequestDurations(registry: Registry): (request: ServedRequest) => void {
  const histogram = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from reading a request until its response is written or its client disconnects.',
    labelNames: ['method', 'route', 'status'],
    buckets: BOUNDS_S,
    // Registered below: prom-client refuses exemplars in a registry for text, although its text leaves them out.
    registers: [],
    enableExemplars: true,
  });
  registry.registerMetric(histogram);
  return ({ method, route, status, durationMs }) => {
    histogram.observe({
      labels: {
        method: METHODS.has(method) ? method : 'other',
        route: route ?? 'unknown',
        status: status ?? 'aborted',
      },
      value: durationMs / 1000,
      exemplarLabels: recordedTrace(),
    });
  };
}

/** Names the active trace, if it is recorded: an exemplar leads to it. */
function recordedTrace(): Record<string, string> {
  const active = trace.getActiveSpan()?.spanContext();
  const isRecorded = active && (active.traceFlags & TraceFlags.SAMPLED) !== 0;
  return isRecorded ? { trace_id: active.traceId } : {};
}

/** Counts requests that are refused because of who sends them, or how many there are. */
export const countDenied = createCounter({
  name: 'http_requests_denied_total',
  help: 'Requests that were refused because of their token, their quota or the load, by the code of the problem.',
  label: 'code',
  values: ['overloaded', 'quota-exceeded'],
});
