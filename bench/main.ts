/** `npm run bench` compares the cost of a request in the services and in other servers, all in one run. */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { runCommand, UsageError } from '@loan-buddy/kit/process';
import { openBench, type Bench, type Options } from './bench';
import { checkoutTable } from './tables/checkout';
import { fanOutTable, latencyTable } from './tables/fan-out';
import { offersTable } from './tables/offers';
import { overloadTable } from './tables/overload';
import { replicasTable } from './tables/replicas';
import { storedTable } from './tables/stored';
import { tokenTable } from './tables/token';
import { tracingTable } from './tables/tracing';

type Table = (bench: Bench) => Promise<void>;

const tables: Record<string, Table> = {
  offers: offersTable,
  token: tokenTable,
  'fan-out-3': (bench) => fanOutTable(bench, 3),
  'fan-out-50': (bench) => fanOutTable(bench, 50),
  latency: latencyTable,
  checkout: checkoutTable,
  tracing: tracingTable,
  overload: overloadTable,
};
const longTables: Record<string, Table> = { stored: storedTable, replicas: replicasTable };

const usage = `usage: npm run bench [-- [--only TABLE] [--baseline FOLDER] [--rounds N] [--seconds N]]
Measures what a request costs in the services and in bare servers, in turn, and prints medians as tables in Markdown.
Takes 15 to 20 minutes, or 25 with --baseline.
  --only TABLE       measures one table
  --baseline FOLDER  adds the services of a second checkout of this repository, in which npm run build has run
  --rounds N         rounds of measurements; default 12
  --seconds N        seconds for each measurement; default 1
Tables:
  offers      GET /offers from the cache, beside bare node:http, Fastify and Express
  token       GET /offers with and without a token and rate limits
  fan-out-3   GET /offers that asks 3 providers, beside a bare Promise.all
  fan-out-50  the same with 50 providers
  latency     how long GET /offers waits for 50 providers that take 20 to 80 ms
  checkout    POST /checkout on 1, 20 and 64 connections, beside a bare Express pair and the least that can be done
  tracing     GET /offers and POST /checkout with tracing off, with 1 % of the traces recorded, and with all
  overload    five times as many checkouts as the services can handle
Tables that take longer, and run only with --only:
  stored      POST /checkout with 100, 100,000 and 1,000,000 orders and their events in the database
  replicas    POST /checkout on one and on two processes of offers that share a database`;

async function measure(run: Table, options: Options): Promise<void> {
  const bench = await openBench(options);
  const interrupt = () => {
    void bench.close().finally(() => process.exit(1));
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupt);
  try {
    await run(bench);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupt);
    await bench.close();
  }
}

function readCount(name: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new UsageError(`--${name} must be a whole number`);
  return Number(text);
}

function chooseTables(only: string | undefined): Table[] {
  if (only === undefined) return Object.values(tables);
  const table = { ...tables, ...longTables }[only];
  if (!table) throw new UsageError(`there is no table ${only}`);
  return [table];
}

const text = { type: 'string' } as const;

void runCommand({
  name: 'bench',
  usage,
  options: { only: text, baseline: text, rounds: text, seconds: text },
  run: async ({ values, positionals }) => {
    if (positionals.length > 0) throw new UsageError('bench takes only options');
    const { only, rounds = '12', seconds = '1' } = values;
    const chosen = chooseTables(only);
    const baseline = values.baseline === undefined ? undefined : resolve(values.baseline);
    if (baseline !== undefined && !existsSync(join(baseline, 'services/offers/dist/main.js'))) {
      throw new UsageError(`${baseline} has no services/offers/dist: run npm run build there`);
    }
    const options = {
      rounds: readCount('rounds', rounds),
      seconds: readCount('seconds', seconds),
      baseline,
    };
    console.log(
      `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${String(cpus().length)} × ${cpus()[0]?.model ?? '?'}; ` +
        `${rounds} rounds of ${seconds} s each, alternating, medians\n`,
    );
    for (const run of chosen) await measure(run, options);
  },
});
