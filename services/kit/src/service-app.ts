import type { Express } from 'express';
import { docsEndpoints } from './docs';
import type { Endpoint } from './endpoint';
import { createExpressApp } from './express-app';
import { healthEndpoints, type ReadinessDetail } from './health';
import type { Lifecycle } from './lifecycle';
import type { Logger } from './logger';
import type { ServiceInfo, Webhook } from './openapi';
import type { ProblemTable } from './problem';

/** A service's endpoints as a whole application, with its health and its documentation. */
export function createServiceApp(options: {
  info: ServiceInfo;
  logger: Logger;
  lifecycle: Lifecycle;
  problems: ProblemTable;
  endpoints: readonly Endpoint[];
  webhooks?: readonly Webhook[];
  readinessDetail?: ReadinessDetail;
}): Express {
  const { info, lifecycle, problems, readinessDetail, webhooks } = options;
  const endpoints = [...options.endpoints, ...healthEndpoints(lifecycle, readinessDetail)];
  return createExpressApp({
    ...options,
    endpoints: [...endpoints, ...docsEndpoints(info, endpoints, problems, webhooks)],
  });
}
