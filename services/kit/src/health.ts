import { z } from 'zod';
import { endpoint, type Endpoint } from './endpoint';
import type { Lifecycle } from './lifecycle';
import { replyJson } from './reply';

const aliveSchema = z.object({ status: z.literal('ok') }).meta({ id: 'Alive' });
const readinessSchema = z.object({ status: z.enum(['ok', 'draining']) }).meta({ id: 'Readiness' });

/**
 * `/health` and `/livez`: the process answers. `/readyz`: it can do its work now; 503 from the moment a drain begins,
 * while the listener is still open, so that a load balancer turns away first.
 */
export function healthEndpoints(lifecycle: Lifecycle): Endpoint[] {
  const alive = (path: string, operationId: string, summary: string) =>
    endpoint(
      {
        method: 'get',
        path,
        operationId,
        summary,
        responses: { 200: { description: 'The process answers.', schema: aliveSchema } },
      },
      ({ res }) => {
        replyJson(res, 200, { status: 'ok' });
      },
    );
  return [
    alive('/health', 'getHealth', 'Whether the service answers'),
    alive('/livez', 'getLiveness', 'Liveness probe'),
    endpoint(
      {
        method: 'get',
        path: '/readyz',
        operationId: 'getReadiness',
        summary: 'Readiness probe',
        responses: {
          200: { description: 'Send requests here.', schema: readinessSchema },
          503: { description: 'Send requests elsewhere.', schema: readinessSchema },
        },
      },
      ({ res }) => {
        if (lifecycle.draining) replyJson(res, 503, { status: 'draining' });
        else replyJson(res, 200, { status: 'ok' });
      },
    ),
  ];
}
