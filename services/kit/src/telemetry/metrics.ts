import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Logger } from './logger';
import { createRequestDurations } from './request-durations';

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

/** How long to wait for one source. Prometheus gives up after ten seconds by default. */
const READ_TIMEOUT_MS = 1000;

/**
 * Creates the metrics of one application, in its own registry: process metrics, `http_request_duration_seconds`
 * and the gauges.
 */
export function createMetrics(sources: readonly GaugeSource[], logger: Logger) {
  const registry = Registry.merge([processMetrics(), new Registry()]);
  const readAll = sources.map((source) => registerGauges(source, [registry], logger));
  return {
    observe: createRequestDurations(registry),
    /** Returns Prometheus' text format. Never rejects, and takes little more than a second at most. */
    scrape: async () => {
      await Promise.all(readAll.map((read) => read()));
      return registry.metrics();
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;

let processRegistry: Registry | undefined;

/** One registry for all applications of the process: it observes garbage collection and the event loop only once. */
function processMetrics(): Registry {
  if (!processRegistry) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
}

/** Returns a function that updates the gauges. Concurrent scrapes share one read. */
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
    // Shares a read in progress, so that scrapes of a slow source do not pile up.
    reading ??= Promise.resolve()
      .then(() => source.read())
      .finally(() => {
        reading = undefined;
      });
    const values = await within(READ_TIMEOUT_MS, reading).catch((error: unknown): GaugeValues => {
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

async function within<Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`timed out after ${String(timeoutMs)} ms`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
