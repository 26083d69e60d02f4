import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench';
import { newPort, type MeasuredProcess } from '../process';
import { formatMs, printTable } from '../report';
import { createRawClient, quantile, type Outcome } from '../load';
import { compareListings } from './offers';

/** Disables the cache: every request asks every provider. */
const UNCACHED = {
  DATABASE_URL: 'memory:',
  ALLOW_PRIVATE_PROVIDERS: 'true',
  OFFERS_TTL_MS: '0',
  OFFERS_MAX_AGE_MS: '0',
  BREAKER_FAILURES: '1000',
};

/** The cost of asking fast providers. Sends one request after the other, because concurrent requests would share calls. */
export async function fanOutTable(bench: Bench, count: number): Promise<void> {
  const noDelays = Array.from({ length: count }, () => 0);
  const urls = await startProviders(bench, noDelays);
  const changing = await startProviders(bench, noDelays, { CHANGING: 'true' });
  const processes: Record<string, MeasuredProcess> = {
    [`bare Promise.all over undici, ${String(count)} providers`]: await bench.startServer(
      'bare-fan-out',
      { PROVIDER_URLS: JSON.stringify(urls) },
    ),
  };
  for (const [name, each] of [
    ['offers, no cache', urls],
    ['offers, no cache, and each page different', changing],
  ] as const) {
    for (const build of bench.builds) {
      const env = { ...UNCACHED, PROVIDERS_FILE: listProviders(bench, each) };
      processes[build.label(name)] = await bench.startService('offers', build, env);
    }
  }
  await bench.settle();
  const title = `GET /offers, ${String(count)} providers asked`;
  await compareListings(bench, title, processes, { connections: 1 });
}

const REQUESTS = 200;
const SLOWEST_MS = 80;
const FASTEST_MS = 20;
const PROVIDERS = 50;
const DEADLINE_MS = 250;

/** How long `GET /offers` waits for fifty providers that take 20 to 80 ms, and when one of them hangs. */
export async function latencyTable(bench: Bench): Promise<void> {
  const delays = Array.from(
    { length: PROVIDERS },
    (_, i) => FASTEST_MS + ((SLOWEST_MS - FASTEST_MS) * i) / (PROVIDERS - 1),
  );
  const rows: string[][] = [];
  for (const [name, all] of [
    [`one provider that takes ${String(SLOWEST_MS)} ms`, [SLOWEST_MS]],
    [`50 providers that take ${String(FASTEST_MS)} to ${String(SLOWEST_MS)} ms`, delays],
    [`one of them hangs, the deadline is ${String(DEADLINE_MS)} ms`, [...delays.slice(1), -1]],
  ] as const) {
    const PROVIDERS_FILE = listProviders(bench, await startProviders(bench, all), DEADLINE_MS);
    const env = { ...UNCACHED, PROVIDERS_FILE, PROVIDER_TIMEOUT_MS: String(DEADLINE_MS) };
    const ports: number[] = [];
    for (const build of bench.builds) {
      ports.push((await bench.startService('offers', build, env)).port);
    }
    await bench.settle();
    const clients = ports.map((port) => createRawClient(port, { path: '/offers' }));
    const outcomes = clients.map((): Outcome[] => []);
    for (let i = 0; i < REQUESTS; i++) {
      for (const [k, { send }] of clients.entries()) outcomes[k]!.push(await send());
    }
    for (const [k, { label }] of bench.builds.entries()) {
      const quantiles = [0.5, 0.99].map((q) => formatMs(quantile(outcomes[k]!, q)));
      rows.push([label(name), ...quantiles]);
      clients[k]!.close();
    }
  }
  printTable(['GET /offers, no cache', 'p50', 'p99'], rows);
}

async function startProviders(
  { startServer }: Bench,
  delays: readonly number[],
  more: NodeJS.ProcessEnv = {},
): Promise<string[]> {
  const ports: number[] = [];
  while (ports.length < delays.length) ports.push(await newPort());
  const banks = ports.map((port, bank) => ({ port, delayMs: delays[bank]! }));
  await startServer('providers', { BANKS: JSON.stringify(banks), ...more });
  return ports.map((port) => `http://127.0.0.1:${String(port)}`);
}

let lists = 0;

function listProviders({ folder }: Bench, urls: readonly string[], timeoutMs = 1000): string {
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
