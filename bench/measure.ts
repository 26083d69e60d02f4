import { setTimeout as sleep } from 'node:timers/promises';
import { createRawClient, inLanes, quantile, type Outcome, type Request } from './load';

/** Returns the CPU time used so far, in microseconds. */
export type CpuMeter = () => Promise<number>;

/** A server, or several, to compare. */
export interface Contestant {
  name: string;
  /** Clients are spread over them. */
  ports: readonly number[];
  /** What does the work: the same names for all contestants of a table. */
  meters: Readonly<Record<string, CpuMeter | undefined>>;
  request: Request;
  expectedStatus: number;
  /** Concurrent requests, if other than the table's. */
  connections?: number;
}

export interface Round {
  /** CPU time of a request by meter, in microseconds. */
  cpuMicros: Record<string, number>;
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export interface Result {
  name: string;
  rounds: readonly Round[];
}

export type Metric = (round: Round) => number;

export interface Effort {
  rounds: number;
  seconds: number;
  /** Concurrent requests; default 20. */
  connections?: number;
  warmUpSeconds?: number;
}

/** Measures contestants in turn, so that other load on the machine affects all equally. */
export async function compare(
  contestants: readonly Contestant[],
  { rounds, seconds, connections = 20, warmUpSeconds = 5 }: Effort,
): Promise<Result[]> {
  for (const contestant of contestants) await load(contestant, connections, warmUpSeconds);
  const results = contestants.map(({ name }) => ({ name, rounds: [] as Round[] }));
  for (let round = 0; round < rounds; round++) {
    // Each round starts with another contestant, so after-effects are shared.
    for (let turn = 0; turn < contestants.length; turn++) {
      const i = (round + turn) % contestants.length;
      results[i]!.rounds.push(await measure(contestants[i]!, connections, seconds));
    }
  }
  return results;
}

export function medianOf({ rounds }: Result, metric: Metric): number {
  return median(rounds.map(metric));
}

/** The median of the ratios within the rounds, so that other load on the machine cancels out. */
export function ratioTo(first: Result, { rounds }: Result, metric: Metric): number {
  return median(rounds.map((round, i) => metric(round) / metric(first.rounds[i]!)));
}

async function measure(
  contestant: Contestant,
  connections: number,
  seconds: number,
): Promise<Round> {
  const before = await readMeters(contestant);
  const startedAt = performance.now();
  const outcomes = await load(contestant, connections, seconds);
  const tookMs = performance.now() - startedAt;
  const after = await readMeters(contestant);
  return {
    cpuMicros: Object.fromEntries(
      Object.entries(after).map(([name, micros]) => [
        name,
        (micros - before[name]!) / outcomes.length,
      ]),
    ),
    requestsPerSecond: (outcomes.length / tookMs) * 1000,
    p50Ms: quantile(outcomes, 0.5),
    p99Ms: quantile(outcomes, 0.99),
  };
}

/** How long the last responses may take. */
const LAST_RESPONSES_MS = 30_000;

async function load(
  contestant: Contestant,
  connections: number,
  seconds: number,
): Promise<Outcome[]> {
  const { name, ports, request, expectedStatus } = contestant;
  const clients = ports.map((port) => createRawClient(port, request));
  const outcomes: Outcome[] = [];
  const end = performance.now() + seconds * 1000;
  const patience = new AbortController();
  const late = sleep(seconds * 1000 + LAST_RESPONSES_MS, undefined, { signal: patience.signal });
  const work = inLanes(
    contestant.connections ?? connections,
    () => performance.now() < end,
    async (lane) => {
      const outcome = await clients[lane % clients.length]!.send();
      if (outcome.outcome !== expectedStatus)
        throw new Error(`${name}: ${String(outcome.outcome)}`);
      outcomes.push(outcome);
    },
  );
  try {
    await Promise.race([
      work,
      late.then(() => Promise.reject(new Error(`${name}: a request has no response`))),
    ]);
    return outcomes;
  } finally {
    patience.abort();
    for (const client of clients) client.close();
  }
}

async function readMeters({ meters }: Contestant): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const [name, meter] of Object.entries(meters)) figures[name] = (await meter?.()) ?? NaN;
  return figures;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
