import { z } from 'zod';
import type { Metrics } from '../telemetry/metrics';
import { endpoint, type Endpoint } from './endpoint';
import { operationsTag } from './health';
import { sendText } from './responses';

/** Prometheus' text-based exposition format. */
const TEXT_FORMAT = 'text/plain; version=0.0.4';

/** `/metrics`, for Prometheus. Returns 200 even if some values cannot be read. */
export function metricsEndpoint({ scrape }: Metrics): Endpoint {
  return endpoint(
    {
      method: 'get',
      path: '/metrics',
      operationId: 'getMetrics',
      tag: operationsTag,
      summary: 'Metrics for Prometheus',
      access: 'always',
      responses: {
        200: {
          description: 'All metrics, except those that cannot be read now.',
          schema: z.string(),
          contentType: TEXT_FORMAT,
        },
      },
    },
    async ({ res }) => {
      sendText(res, await scrape(), `${TEXT_FORMAT}; charset=utf-8`);
    },
  );
}
