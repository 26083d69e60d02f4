import { z } from 'zod';
import { endpoint, type Endpoint } from './endpoint';
import type { Lifecycle } from './lifecycle';
import { sendJson } from './responses';

export const operationsTag = {
  name: 'Health and metrics',
  description: 'For probes, load balancers and Prometheus.',
};

const livenessSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Alive' });
const readinessSchema = z
  .object({
    status: z.enum(['ok', 'draining']),
    detail: z.record(z.string(), z.string()).optional().meta({
      description: 'The state of the dependencies of the service. It does not change the status.',
    }),
  })
  .meta({ id: 'Readiness' });

/** The state of each dependency, by name. Never rejects. */
export type ReadinessDetail = () => Promise<Record<string, string>>;

/**
 * `/health` and `/livez`: the process is running. `/readyz`: it accepts requests; 503 from the start of a drain, while
 * the listener is still open, so that a load balancer stops sending first. It reports the state of the dependencies, but
 * that does not change the status: a shared dependency would take all replicas out of service at once.
 */
export function healthEndpoints(lifecycle: Lifecycle, detail?: ReadinessDetail): Endpoint[] {
  const liveness = (path: string, operationId: string, summary: string) =>
    endpoint(
      {
        method: 'get',
        path,
        operationId,
        tag: operationsTag,
        summary,
        access: 'always',
        responses: { 200: { description: 'The process is running.', schema: livenessSchema } },
      },
      ({ res }) => {
        sendJson(res, 200, { status: 'ok' });
      },
    );
  return [
    liveness('/health', 'getHealth', 'Health check'),
    liveness('/livez', 'getLiveness', 'Liveness probe'),
    endpoint(
      {
        method: 'get',
        path: '/readyz',
        operationId: 'getReadiness',
        tag: operationsTag,
        summary: 'Readiness probe',
        access: 'always',
        responses: {
          200: { description: 'Ready for requests.', schema: readinessSchema },
          503: { description: 'Draining: send requests elsewhere.', schema: readinessSchema },
        },
      },
      async ({ res }) => {
        const more = detail && { detail: await detail() };
        if (lifecycle.draining) sendJson(res, 503, { status: 'draining', ...more });
        else sendJson(res, 200, { status: 'ok', ...more });
      },
    ),
  ];
}
