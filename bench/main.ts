/** `npm run bench` compares the cost of a request in the services and in other servers, all in one run. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand, UsageError } from '@loan-buddy/kit/process';
import { authenticationContestants } from './authentication';
import { fanOutContestants, fanOutLatencies } from './fan-out';
import { compare, type Contestant, type Figures } from './measure';
import { measureOverload, type OverloadFigures } from './overload';
import { startProcess, type MeasuredProcess } from './process';
import type { Recorded } from './servers/recorded';

const usage = `usage: npm run bench
Measures what a request costs in the services, and for comparison in bare node:http, Fastify and Express. Prints tables.
  BENCH_ROUNDS    rounds of measurements; default 16
  BENCH_SECONDS   seconds for each measurement; default 1`;

const checkoutBody = JSON.stringify({ user_id: 'cristina', loan_id: 'offer2' });
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 16);
const seconds = Number(process.env['BENCH_SECONDS'] ?? 1);
const SETTLE_MS = 25_000;
const started: MeasuredProcess[] = [];
const folder = join(tmpdir(), `bench-${String(process.pid)}`);
let stopPostgres: () => void = () => undefined;

async function main(): Promise<void> {
  mkdirSync(folder);
  chmodSync(folder, 0o755); // if we are root, the database server runs as another user
  const confirmPayment = await start('services/confirm-payment/dist/main.js');
  const CONFIRM_PAYMENT_URL = `http://127.0.0.1:${String(confirmPayment.port)}`;
  const embedded = { CONFIRM_PAYMENT_URL, DATABASE_URL: '', DATA_DIR: join(folder, 'embedded') };
  const offers = await start('services/offers/dist/main.js', embedded);
  const DATABASE_URL = startPostgres();
  const server = DATABASE_URL === undefined ? undefined : { CONFIRM_PAYMENT_URL, DATABASE_URL };
  const onServer = server && (await start('services/offers/dist/main.js', server));
  // For a while, other threads of the process compile the embedded database, which adds to its CPU time.
  await sleep(SETTLE_MS);

  console.log(
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${String(cpus().length)} × ${cpus()[0]?.model ?? '?'}; ` +
      `${String(rounds)} rounds of ${String(seconds)} s each, alternating, medians\n`,
  );
  const listing = await listContestants(offers, onServer);
  report('GET /offers', await compare(listing, { rounds, seconds }));

  const guarded = await authenticationContestants({ folder, start });
  await sleep(SETTLE_MS);
  report('GET /offers', await compare(guarded, { rounds, seconds }), 'the first');

  for (const count of [3, 50]) {
    const uncached = await fanOutContestants({ folder, start }, count);
    await sleep(SETTLE_MS);
    report(
      `GET /offers, ${String(count)} providers asked`,
      await compare(uncached, { rounds, seconds }),
    );
  }
  console.log('| GET /offers, no cache | p50 | p99 |');
  console.log('|---|--:|--:|');
  for (const { name, p50Ms, p99Ms } of await fanOutLatencies({ folder, start })) {
    console.log(`| ${name} | ${p50Ms.toFixed(1)} ms | ${p99Ms.toFixed(1)} ms |`);
  }
  console.log();

  if (server && onServer) {
    const contestants = await checkoutContestants(offers, onServer, server);
    report('POST /checkout, the first process', await compare(contestants, { rounds, seconds }));
  } else console.log('POST /checkout not measured: no PostgreSQL server could be started');

  reportOverload([
    await measureOverload('the embedded database', offers.port, checkoutBody),
    ...(onServer ? [await measureOverload('PostgreSQL', onServer.port, checkoutBody)] : []),
  ]);
}

/** Starts a PostgreSQL server for this run. Returns undefined if the machine has none. */
function startPostgres(): string | undefined {
  try {
    const url = postgres('start', join(folder, 'postgres'), String(nextPort++));
    stopPostgres = () => postgres('stop', join(folder, 'postgres'));
    return url;
  } catch {
    return undefined;
  }
}

function postgres(...args: string[]): string {
  return execFileSync('.ci/postgres', args, { encoding: 'utf8' }).trim();
}

async function listContestants(
  offers: MeasuredProcess,
  onServer: MeasuredProcess | undefined,
): Promise<Contestant[]> {
  const request = { path: '/offers' };
  const recorded = await record(offers, request);
  const servers = {
    'bare node:http, the same bytes': await start('bench/dist/servers/bare-offers.js', recorded),
    'Fastify, logger, the same security headers': await start(
      'bench/dist/servers/fastify-offers.js',
    ),
    'Express as usual (pino-http, helmet, json)': await start(
      'bench/dist/servers/express-offers.js',
    ),
    'offers, as npm start runs it': offers,
    ...(onServer && { 'offers on PostgreSQL': onServer }),
  };
  return Object.entries(servers).map(([name, process]) => ({
    name,
    processes: [process],
    request,
    expectedStatus: 200,
  }));
}

async function checkoutContestants(
  embedded: MeasuredProcess,
  onServer: MeasuredProcess,
  env: { CONFIRM_PAYMENT_URL: string; DATABASE_URL: string },
): Promise<Contestant[]> {
  const request = {
    path: '/checkout',
    method: 'POST' as const,
    headers: { 'Content-Type': 'application/json' },
    body: checkoutBody,
  };
  const bare = { ...env, ...(await record(onServer, request)) };
  const processes = {
    'bare node:http + pg, the same statements': await start(
      'bench/dist/servers/bare-checkout.js',
      bare,
    ),
    'offers on PostgreSQL': onServer,
    'offers on the embedded database': embedded,
  };
  return Object.entries(processes).map(([name, process]) => ({
    name,
    processes: [process],
    request,
    expectedStatus: 201,
  }));
}

let nextPort = 18_100;

async function start(
  script: string,
  env: NodeJS.ProcessEnv = {},
  ports = 1,
): Promise<MeasuredProcess> {
  const process = await startProcess(script, nextPort, env);
  nextPort += ports;
  started.push(process);
  return process;
}

/** Sends the request once and records the response, for a bare server to repeat. */
async function record(
  { port }: MeasuredProcess,
  { path, ...init }: Contestant['request'],
): Promise<{ BENCH_RESPONSE: string }> {
  const response = await fetch(`http://127.0.0.1:${String(port)}${path}`, init);
  const perConnection = new Set(['date', 'connection', 'keep-alive']);
  const recorded: Recorded = {
    status: response.status,
    headers: [...response.headers].filter(([name]) => !perConnection.has(name)).flat(),
    body: await response.text(),
  };
  return { BENCH_RESPONSE: JSON.stringify(recorded) };
}

function report(title: string, figures: readonly Figures[], first = 'bare'): void {
  console.log(`| ${title} | CPU a request | × ${first} | requests/s | p50 | p99 |`);
  console.log('|---|--:|--:|--:|--:|--:|');
  for (const {
    name,
    cpuMicrosPerRequest,
    requestsPerSecond,
    p50Ms,
    p99Ms,
    timesFirst,
  } of figures) {
    console.log(
      `| ${name} | ${cpuMicrosPerRequest.toFixed(0)} µs | ${timesFirst.toFixed(2)} | ${requestsPerSecond.toFixed(0)} | ${String(p50Ms)} ms | ${String(p99Ms)} ms |`,
    );
  }
  console.log();
}

function reportOverload(figures: readonly OverloadFigures[]): void {
  console.log(
    '| orders on | capacity | offered | accepted, p99 | shed, p50, p99 | back to normal after |',
  );
  console.log('|---|--:|--:|--:|--:|--:|');
  for (const each of figures) {
    const perSecond = (value: number) => `${value.toFixed(0)}/s`;
    const ms = (value: number) => `${value.toFixed(0)} ms`;
    const cells = [
      each.name,
      perSecond(each.capacityPerSecond),
      perSecond(each.offeredPerSecond),
      `${perSecond(each.acceptedPerSecond)}, ${ms(each.acceptedP99Ms)}`,
      `${perSecond(each.shedPerSecond)}, ${ms(each.shedP50Ms)}, ${ms(each.shedP99Ms)}`,
      ms(each.recoveredMs),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  console.log();
}

async function stop(): Promise<void> {
  await Promise.all(started.map((process) => process.stop()));
  stopPostgres();
  rmSync(folder, { recursive: true });
}

void runCommand({
  name: 'bench',
  usage,
  run: async ({ positionals }) => {
    if (positionals.length > 0) throw new UsageError('bench takes no arguments');
    await main().finally(stop);
  },
});
