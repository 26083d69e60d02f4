import {
  collectDefaultMetrics,
  Gauge,
  register,
  Registry,
  type Metric,
  type OpenMetricsContentType,
} from 'prom-client';
import type { Logger } from './logger';
import { createRequestDurations } from './requests';

/** Gauges that are read together at each scrape. */
export interface GaugeSource {
  /** By name: the help text and, if the gauge has several values, the label that distinguishes them. */
  gauges: Readonly<Record<string, { help: string; label?: string }>>;
  /**
   * Returns the values by name, or by name and label value. A gauge without a value is missing from that scrape. All of
   * them are if this rejects or takes longer than a second.
   */
  read: () => GaugeValues | Promise<GaugeValues>;
}

type GaugeValues = Readonly<Record<string, number | Readonly<Record<string, number>>>>;

/** For each source. Prometheus gives up after ten seconds by default. */
const READ_TIMEOUT_MS = 1000;

export function createMetrics(sources: readonly GaugeSource[], logger: Logger) {
  const registry = new Registry();
  const readAll = sources.map((source) => registerGauges(source, [registry], logger));
  return {
    observe: createRequestDurations(registry),
    /**
     * Returns what Prometheus reads: OpenMetrics, with exemplars, if the `Accept` header names it, otherwise its text
     * format. Never rejects, and takes little more than a second at most.
     */
    scrape: async (accept = '') => {
      await Promise.all(readAll.map((read) => read()));
      // `register` is prom-client's own registry, which has the metrics that modules declare.
      const all = Registry.merge([processMetrics(), register, registry]);
      const registered = OPEN_METRICS.test(accept) ? toOpenMetrics(all) : all;
      return { contentType: registered.contentType, text: await registered.metrics() };
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

const OPEN_METRICS = /(^|,)\s*application\/openmetrics-text\b/i;

/** prom-client renames counters when it writes OpenMetrics. It renames these views; the metrics keep their names. */
function toOpenMetrics(registry: Registry): Registry<OpenMetricsContentType> {
  const views = new Registry<OpenMetricsContentType>();
  views.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const metric of registry.getMetricsAsArray()) {
    views.registerMetric(Object.create(metric) as Metric);
  }
  return views;
}

let processRegistry: Registry | undefined;

/** One registry for all applications of the process: it observes garbage collection and the event loop only once. */
function processMetrics(): Registry {
  if (!processRegistry) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
}

function registerGauges(
  source: GaugeSource,
  registers: Registry[],
  logger: Logger,
): () => Promise<void> {
  const gauges = Object.entries(source.gauges).map(([name, { help, label }]) => {
    const labelNames = label === undefined ? [] : [label];
    return { name, label, gauge: new Gauge({ name, help, labelNames, registers }) };
  });
  let reading: Promise<GaugeValues> | undefined;

  return async () => {
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`timed out after ${String(READ_TIMEOUT_MS)} ms`);
      setTimeout(reject, READ_TIMEOUT_MS, error).unref();
    });
    // Shares a read in progress, so that scrapes of a slow source do not pile up.
    reading ??= Promise.resolve()
      .then(() => source.read())
      .finally(() => {
        reading = undefined;
      });
    const values = await Promise.race([reading, late]).catch((error: unknown): GaugeValues => {
      logger.warn({ err: error }, 'cannot read metrics');
      return {};
    });
    for (const { name, label, gauge } of gauges) {
      gauge.reset();
      // `reset` sets a gauge without a label to 0, which would be a wrong value.
      if (label === undefined) gauge.remove();
      const value = values[name] ?? {};
      if (typeof value === 'number') gauge.set(value);
      else {
        for (const [key, each] of Object.entries(value)) gauge.set({ [label!]: key }, each);
      }
    }
  };
}
