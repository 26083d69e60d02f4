import type { Response } from 'express';
import { z } from 'zod';
import type { Metrics } from '../telemetry/metrics';
import { endpoint, type Endpoint, type EndpointResponse, type Tag } from './endpoint';
import type { Lifecycle } from './lifecycle';
import { dataHeaders, send, sendJson } from './responses';

const operationsTag: Tag = {
  name: 'Health and metrics',
  description: 'For probes, load balancers and Prometheus.',
};

const livenessSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Alive' });
const readinessSchema = z
  .object({
    status: z.enum(['ok', 'starting', 'draining']),
    detail: z.record(z.string(), z.string()).optional().meta({
      description: 'The state of the dependencies of the service. It does not change the status.',
    }),
  })
  .meta({ id: 'Readiness' });

/** The state of each dependency, by name. Never rejects. */
export type ReadinessDetail = () => Promise<Record<string, string>>;

/** Prometheus' text format, and OpenMetrics, as they are documented. */
const METRICS_FORMATS = [
  'text/plain; version=0.0.4',
  'application/openmetrics-text; version=1.0.0',
];

/** An endpoint that responds at any time, whatever the load. */
function operationsEndpoint(
  path: string,
  operationId: string,
  summary: string,
  responses: Record<number, EndpointResponse>,
  handle: (res: Response) => Promise<void> | void,
): Endpoint {
  return endpoint(
    { method: 'get', path, operationId, tag: operationsTag, summary, access: 'always', responses },
    ({ res }) => handle(res),
  );
}

/**
 * `/health` and `/livez`: the process is running. `/readyz`: it accepts requests; 503 from the start of a drain, while
 * the listener is still open, so that a load balancer stops sending first, and before `isReady`. It reports the state of
 * the dependencies, but that does not change the status: a shared dependency would take all replicas out of service at
 * once.
 */
export function healthEndpoints(
  lifecycle: Lifecycle,
  detail?: ReadinessDetail,
  isReady: () => boolean = () => true,
): Endpoint[] {
  const alive = { 200: { description: 'The process is running.', schema: livenessSchema } };
  const notReady = 'Starting or draining: send requests elsewhere.';
  const readiness = {
    200: { description: 'Ready for requests.', schema: readinessSchema },
    503: { description: notReady, schema: readinessSchema },
  };
  const live = (res: Response) => {
    sendJson(res, 200, { status: 'ok' });
  };
  return [
    operationsEndpoint('/health', 'getHealth', 'Health check', alive, live),
    operationsEndpoint('/livez', 'getLiveness', 'Liveness probe', alive, live),
    operationsEndpoint('/readyz', 'getReadiness', 'Readiness probe', readiness, async (res) => {
      const more = detail && { detail: await detail() };
      if (lifecycle.draining) sendJson(res, 503, { status: 'draining', ...more });
      else if (!isReady()) sendJson(res, 503, { status: 'starting', ...more });
      else sendJson(res, 200, { status: 'ok', ...more });
    }),
  ];
}

/** `/metrics`, for Prometheus, as text or as OpenMetrics. Returns 200 even if some values cannot be read. */
export function metricsEndpoint({ scrape }: Metrics): Endpoint {
  const description = 'All metrics, except those that cannot be read now.';
  const responses = { 200: { description, schema: z.string(), contentType: METRICS_FORMATS } };
  const title = 'Metrics for Prometheus';
  return operationsEndpoint('/metrics', 'getMetrics', title, responses, async (res) => {
    const { contentType, text } = await scrape(res.req.headers.accept);
    send(res, 200, text, dataHeaders, ['Content-Type', contentType]);
  });
}
