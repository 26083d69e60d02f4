import type { Bench, Build, Storage } from '../bench';
import { compare, type Contestant, type CpuMeter, type Result } from '../measure';
import type { Postgres } from '../postgres';
import type { MeasuredProcess } from '../process';
import {
  cpuColumn,
  cpuOf,
  loadColumns,
  p50,
  p99,
  report,
  throughput,
  timesEarlier,
  timesFirst,
  type Column,
} from '../report';

export const checkoutRequest = {
  path: '/checkout',
  method: 'POST' as const,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ user_id: 'cristina', loan_id: 'offer2' }),
};

/** Where the tables of checkouts keep their orders: on PostgreSQL if this machine has it, and embedded. */
export function databases({ postgres }: Bench): { on: string; server?: Postgres }[] {
  const embedded = { on: 'the embedded database' };
  return postgres ? [{ on: 'PostgreSQL', server: postgres }, embedded] : [embedded];
}

/** Checkouts beside a bare pair of Express servers, and beside the least that can be done. */
export async function checkoutTable(bench: Bench): Promise<void> {
  for (const { on, server } of databases(bench)) {
    const { builds, newStorage } = bench;
    const today = builds[0]!;
    const contestants = [
      checkouts(
        'bare Express pair, two statements an order',
        server,
        await startBare(bench, 'express', await newStorage(today, server)),
      ),
      checkouts(
        'bare node:http pair, writes in batches',
        server,
        await startBare(bench, 'bare', await newStorage(today, server)),
      ),
    ];
    for (const build of builds) {
      const storage = await newStorage(build, server);
      contestants.push(
        checkouts(build.label('offers'), server, await startPair(bench, build, [storage])),
      );
    }
    await bench.settle();
    for (const [i, connections] of [1, 20, 64].entries()) {
      const effort = { ...bench.effort, connections, warmUpSeconds: i === 0 ? 5 : 1 };
      const title = `POST /checkout on ${on}, ${String(connections)} ${connections === 1 ? 'connection' : 'connections'}`;
      reportCheckouts(title, await compare(contestants, effort), '× bare');
    }
  }
}

export interface Pair {
  offers: readonly MeasuredProcess[];
  confirmPayment: MeasuredProcess;
}

/** Starts offers, one process for each storage, and one confirm-payment. */
export async function startPair(
  { startService }: Bench,
  build: Build,
  storages: readonly Storage[],
  env: NodeJS.ProcessEnv = {},
): Promise<Pair> {
  const confirmPayment = await startService('confirm-payment', build, env);
  const offers: MeasuredProcess[] = [];
  for (const storage of storages) {
    offers.push(
      await startService('offers', build, {
        ...env,
        ...storage,
        CONFIRM_PAYMENT_URL: urlOf(confirmPayment),
      }),
    );
  }
  return { offers, confirmPayment };
}

async function startBare(
  { startServer }: Bench,
  kind: 'express' | 'bare',
  storage: Storage,
): Promise<Pair> {
  const confirmPayment = await startServer(`${kind}-confirm`);
  const env = { ...storage, CONFIRM_PAYMENT_URL: urlOf(confirmPayment) };
  const first = await startServer(kind === 'express' ? 'express-checkout' : 'bare-batches', env);
  return { offers: [first], confirmPayment };
}

export const urlOf = ({ port }: MeasuredProcess) => `http://127.0.0.1:${String(port)}`;

/** The embedded database runs inside offers, and has no CPU time of its own. */
export function checkouts(
  name: string,
  server: Postgres | undefined,
  { offers, confirmPayment }: Pair,
): Contestant {
  const sum: CpuMeter = async () => {
    let micros = 0;
    for (const each of offers) micros += await each.cpuMicros();
    return micros;
  };
  return {
    name,
    ports: offers.map(({ port }) => port),
    meters: {
      offers: sum,
      confirmPayment: confirmPayment.cpuMicros,
      database: server?.cpuMicros,
    },
    request: checkoutRequest,
    expectedStatus: 201,
  };
}

/** @param first heading for figures relative to the first row */
export function reportCheckouts(title: string, results: readonly Result[], first: string): void {
  const columns: Column[] = [
    cpuColumn('CPU of offers', 'offers'),
    cpuColumn('of confirm-payment', 'confirmPayment'),
    cpuColumn('of the database', 'database'),
    ...loadColumns('orders/s'),
    timesFirst(`${first}: CPU of offers`, cpuOf('offers')),
    timesFirst('orders/s', throughput),
    timesEarlier('orders/s', throughput),
    timesEarlier('p50', p50),
    timesEarlier('p99', p99),
  ];
  report(title, results, columns);
}
