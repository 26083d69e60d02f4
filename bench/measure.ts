import autocannon from 'autocannon';
import type { MeasuredProcess } from './process';

/** A server to compare: its name, the processes that do the work, and the request that each round sends to the first. */
export interface Contestant {
  name: string;
  processes: readonly [MeasuredProcess, ...MeasuredProcess[]];
  request: {
    path: string;
    method?: 'GET' | 'POST';
    headers?: Record<string, string>;
    body?: string;
  };
  expectedStatus: number;
  /** Number of concurrent requests; default 20. */
  connections?: number;
}

export interface Figures {
  name: string;
  /** CPU time of one request, in all processes of the contestant. */
  cpuMicrosPerRequest: number;
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** CPU time relative to the first contestant in the same round, so other load on the machine cancels out. */
  timesFirst: number;
}

const CONNECTIONS = 20;
const WARM_UP_S = 5;

/** Measures the contestants in turn, so that other load on the machine affects all equally. Returns the medians. */
export async function compare(
  contestants: readonly Contestant[],
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<Figures[]> {
  for (const contestant of contestants) await load(contestant, WARM_UP_S);
  const runs = new Map(contestants.map((contestant) => [contestant, [] as Run[]]));
  for (let round = 0; round < rounds; round++) {
    // Each round starts with another contestant, so after-effects are shared.
    const turn = round % contestants.length;
    for (const contestant of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      runs.get(contestant)!.push(await measure(contestant, seconds));
    }
  }
  const first = runs.get(contestants[0]!)!;
  return [...runs].map(([{ name }, figures]) => ({
    name,
    cpuMicrosPerRequest: median(figures.map((run) => run.cpuMicrosPerRequest)),
    requestsPerSecond: median(figures.map((run) => run.requestsPerSecond)),
    p50Ms: median(figures.map((run) => run.p50Ms)),
    p99Ms: median(figures.map((run) => run.p99Ms)),
    timesFirst: median(
      figures.map((run, i) => run.cpuMicrosPerRequest / first[i]!.cpuMicrosPerRequest),
    ),
  }));
}

type Run = Omit<Figures, 'name' | 'timesFirst'>;

async function measure(contestant: Contestant, seconds: number): Promise<Run> {
  const before = await cpuMicros(contestant);
  const result = await load(contestant, seconds);
  const used = (await cpuMicros(contestant)) - before;
  return {
    cpuMicrosPerRequest: used / result.requests.total,
    requestsPerSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  };
}

async function load(contestant: Contestant, seconds: number) {
  const { name, processes, request, expectedStatus, connections = CONNECTIONS } = contestant;
  const { path, ...rest } = request;
  const result = await autocannon({
    url: `http://127.0.0.1:${String(processes[0].port)}${path}`,
    connections,
    duration: seconds,
    ...rest,
  });
  const statuses = Object.keys(result.statusCodeStats ?? {});
  if (result.errors > 0 || statuses.join() !== String(expectedStatus)) {
    throw new Error(`${name}: ${String(result.errors)} errors, statuses ${statuses.join()}`);
  }
  return result;
}

async function cpuMicros({ processes }: Contestant): Promise<number> {
  const each = await Promise.all(processes.map((process) => process.cpuMicros()));
  return each.reduce((sum, micros) => sum + micros, 0);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
