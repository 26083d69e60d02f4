import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant } from './measure';
import type { MeasuredProcess } from './process';

export interface FanOutBench {
  /** Folder for the lists of providers. */
  folder: string;
  /** Starts a server, and reserves `ports` consecutive ports for it. */
  start: (script: string, env?: NodeJS.ProcessEnv, ports?: number) => Promise<MeasuredProcess>;
}

const OFFERS = 'services/offers/dist/main.js';
/** Disables the cache: every request asks every provider. */
const UNCACHED = {
  DATABASE_URL: 'memory:',
  ALLOW_PRIVATE_PROVIDERS: 'true',
  OFFERS_TTL_MS: '0',
  OFFERS_MAX_AGE_MS: '0',
  BREAKER_FAILURES: '1000',
};

/** The cost of asking fast providers. Sends one request after the other, because concurrent requests would share calls. */
export async function fanOutContestants(
  { folder, start }: FanOutBench,
  count: number,
): Promise<Contestant[]> {
  const noDelays = Array.from({ length: count }, () => 0);
  const urls = await startProviders(start, noDelays);
  const changing = await startProviders(start, noDelays, { CHANGING: 'true' });
  const processes = {
    [`bare Promise.all over undici, ${String(count)} providers`]: await start(
      'bench/dist/servers/bare-fan-out.js',
      { PROVIDER_URLS: JSON.stringify(urls) },
    ),
    'offers, no cache': await start(OFFERS, {
      ...UNCACHED,
      PROVIDERS_FILE: listProviders(folder, urls),
    }),
    'offers, no cache, and each page different': await start(OFFERS, {
      ...UNCACHED,
      PROVIDERS_FILE: listProviders(folder, changing),
    }),
  };
  return Object.entries(processes).map(([name, process]) => ({
    name,
    processes: [process],
    request: { path: '/offers' },
    expectedStatus: 200,
    connections: 1,
  }));
}

export interface Latencies {
  name: string;
  p50Ms: number;
  p99Ms: number;
}

const REQUESTS = 200;
const SLOWEST_MS = 80;
const FASTEST_MS = 20;
const PROVIDERS = 50;
const DEADLINE_MS = 250;

/** Measures how long `GET /offers` waits for fifty providers that take 20 to 80 ms, and when one of them hangs. */
export async function fanOutLatencies({ folder, start }: FanOutBench): Promise<Latencies[]> {
  const delays = Array.from(
    { length: PROVIDERS },
    (_, i) => FASTEST_MS + ((SLOWEST_MS - FASTEST_MS) * i) / (PROVIDERS - 1),
  );
  const results: Latencies[] = [];
  for (const [name, all] of [
    [`one provider that takes ${String(SLOWEST_MS)} ms`, [SLOWEST_MS]],
    [`50 providers that take ${String(FASTEST_MS)} to ${String(SLOWEST_MS)} ms`, delays],
    [`one of them hangs, the deadline is ${String(DEADLINE_MS)} ms`, [...delays.slice(1), -1]],
  ] as const) {
    const PROVIDERS_FILE = listProviders(folder, await startProviders(start, all), DEADLINE_MS);
    const env = { ...UNCACHED, PROVIDERS_FILE, PROVIDER_TIMEOUT_MS: String(DEADLINE_MS) };
    const { port } = await start(OFFERS, env);
    const tookMs: number[] = [];
    for (let i = 0; i < REQUESTS; i++) {
      const startedAt = performance.now();
      const response = await fetch(`http://127.0.0.1:${String(port)}/offers`);
      await response.text();
      tookMs.push(performance.now() - startedAt);
    }
    tookMs.sort((a, b) => a - b);
    results.push({ name, p50Ms: tookMs[REQUESTS / 2]!, p99Ms: tookMs[REQUESTS * 0.99]! });
  }
  return results;
}

async function startProviders(
  start: FanOutBench['start'],
  delays: readonly number[],
  more: NodeJS.ProcessEnv = {},
): Promise<string[]> {
  const env = { PROVIDER_DELAYS_MS: JSON.stringify(delays), ...more };
  const { port } = await start('bench/dist/servers/providers.js', env, delays.length);
  return delays.map((_, bank) => `http://127.0.0.1:${String(port + bank)}`);
}

let lists = 0;

function listProviders(folder: string, urls: readonly string[], timeoutMs = 1000): string {
  const providers = urls.map((url, i) => ({
    type: 'cdr',
    name: `Bank ${String(i)}`,
    brand_id: `b${String(i)}`,
    base_uri: url,
    timeout_ms: timeoutMs,
    ttl_s: 0,
  }));
  const file = join(folder, `providers-${String(lists++)}.json`);
  writeFileSync(file, JSON.stringify({ providers }));
  return file;
}
