import type { Metric, Registry } from 'prom-client';

/** A request whose connection is done with it. */
export interface ServedRequest {
  method: string;
  /** The pattern that matched, such as `/orders/:id`; null if none did. */
  route: string | null;
  /** Null if the client left before the response was sent. */
  status: number | null;
  durationMs: number;
}

const NAME = 'http_request_duration_seconds';

/** From a response out of memory to a request that waited for everything it calls. */
const BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Node.js accepts some thirty more, and a client may send them all. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);

interface Series {
  labels: { method: string; route: string; status: string };
  /** How many took up to each bound but longer than the one before; last, how many took longer than all. */
  counts: number[];
  sumS: number;
}

/**
 * Registers the histogram `http_request_duration_seconds`; returns a function that counts a request in it. The number
 * of series is limited by routes, methods and statuses, whatever clients send.
 *
 * Not prom-client's own histogram: that checks and spells out the labels at every observation, even of a child with
 * fixed labels, which takes ten times as long.
 */
export function createRequestDurations(registry: Registry): (request: ServedRequest) => void {
  const all: Series[] = [];
  const byRoute = new Map<string | null, Map<number | null, Map<string, Series>>>();

  const described = {
    name: NAME,
    help: 'Time from reading a request until its response is written or its client disconnects.',
    type: 'histogram',
  };
  const metric = {
    ...described,
    get: () => Promise.resolve({ ...described, values: all.flatMap(toValues) }),
  };
  // The registry needs no more of a metric than this; its types only name the library's own kinds.
  registry.registerMetric(metric as unknown as Metric);

  return ({ method: sent, route, status, durationMs }) => {
    const method = METHODS.has(sent) ? sent : 'other';
    let byStatus = byRoute.get(route);
    if (!byStatus) byRoute.set(route, (byStatus = new Map<number | null, Map<string, Series>>()));
    let byMethod = byStatus.get(status);
    if (!byMethod) byStatus.set(status, (byMethod = new Map<string, Series>()));
    let series = byMethod.get(method);
    if (!series) {
      series = {
        labels: { method, route: route ?? 'unknown', status: String(status ?? 'aborted') },
        counts: new Array<number>(BOUNDS_S.length + 1).fill(0),
        sumS: 0,
      };
      byMethod.set(method, series);
      all.push(series);
    }
    const seconds = durationMs / 1000;
    let i = 0;
    while (i < BOUNDS_S.length && seconds > BOUNDS_S[i]!) i += 1;
    series.counts[i]! += 1;
    series.sumS += seconds;
  };
}

/** Returns the series as Prometheus expects it: each bucket includes those before it. */
function toValues({ labels, counts, sumS }: Series) {
  let count = 0;
  const buckets = [...BOUNDS_S, '+Inf'].map((le, i) => {
    count += counts[i]!;
    return { metricName: `${NAME}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${NAME}_sum`, labels, value: sumS },
    { metricName: `${NAME}_count`, labels, value: count },
  ];
}
