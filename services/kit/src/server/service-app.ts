import type { Express } from 'express';
import { createAdmission } from '../admission/admission';
import { docsEndpoints, type Page } from './docs';
import { createExpressApp, type ExpressAppOptions } from './express-app';
import { healthEndpoints, metricsEndpoint, type ReadinessDetail } from './health';
import { createMetrics, type GaugeSource } from '../telemetry/metrics';
import type { ExtraDocumentation, ServiceInfo } from './openapi';

export interface ServiceAppOptions extends Omit<ExpressAppOptions, 'observe'>, ExtraDocumentation {
  info: ServiceInfo;
  /** Paths that `GET /` links to by name, in addition to the documentation. */
  links?: Readonly<Record<string, string>>;
  /** What a browser gets at `/`. Default: a redirect to the docs page. */
  page?: Page | undefined;
  /** Whether the process has started completely. Default: always. */
  isReady?: () => boolean;
  readinessDetail?: ReadinessDetail;
  gaugeSources?: readonly GaugeSource[];
}

/** Creates a whole application from a service's endpoints, with health, metrics and documentation. */
export function createServiceApp(options: ServiceAppOptions): Express {
  const { info, logger, lifecycle, problems } = options;
  const { readinessDetail, gaugeSources = [], admission = createAdmission() } = options;
  const metrics = createMetrics(gaugeSources, logger);
  const endpoints = [
    ...options.endpoints,
    ...healthEndpoints(lifecycle, readinessDetail, options.isReady),
    metricsEndpoint(metrics),
  ];
  return createExpressApp({
    ...options,
    admission,
    observe: metrics.observe,
    endpoints: [...endpoints, ...docsEndpoints(info, endpoints, problems, admission, options)],
  });
}
