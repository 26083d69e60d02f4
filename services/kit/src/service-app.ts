import type { Express } from 'express';
import { createAdmission, type Admission } from './admission/admission';
import { docsEndpoints } from './docs';
import type { Endpoint } from './endpoint';
import { createExpressApp } from './express-app';
import { healthEndpoints, type ReadinessDetail } from './health';
import type { Lifecycle } from './lifecycle';
import type { Logger } from './logger';
import { createMetrics, metricsEndpoint, type GaugeSource } from './metrics';
import type { MoreToDocument, ServiceInfo } from './openapi';
import type { ProblemTable } from './problem';

/** A service's endpoints as a whole application, with its health, its metrics and its documentation. */
export function createServiceApp(
  options: {
    info: ServiceInfo;
    logger: Logger;
    lifecycle: Lifecycle;
    problems: ProblemTable;
    endpoints: readonly Endpoint[];
    /** Lets everybody in, unless it is given. */
    admission?: Admission;
    trustedProxies?: number;
    readinessDetail?: ReadinessDetail;
    gaugeSources?: readonly GaugeSource[];
  } & MoreToDocument,
): Express {
  const { info, logger, lifecycle, problems } = options;
  const { readinessDetail, gaugeSources = [], admission = createAdmission() } = options;
  const metrics = createMetrics(gaugeSources, logger);
  const endpoints = [
    ...options.endpoints,
    ...healthEndpoints(lifecycle, readinessDetail),
    metricsEndpoint(metrics),
  ];
  return createExpressApp({
    ...options,
    admission,
    observe: metrics.observe,
    endpoints: [...endpoints, ...docsEndpoints(info, endpoints, problems, admission, options)],
  });
}
