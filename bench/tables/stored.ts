import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Bench } from '../bench';
import { compare, type Contestant } from '../measure';
import { checkouts, databases, reportCheckouts, startPair } from './checkout';

const fill = join(__dirname, '..', 'servers', 'fill.js');

/** Checkouts with few and with many orders, and their events, in the database. */
export async function storedTable(bench: Bench): Promise<void> {
  for (const { on, server } of databases(bench)) {
    const contestants: Contestant[] = [];
    for (const orders of [100, 100_000, 1_000_000]) {
      for (const build of bench.builds) {
        const storage = await bench.newStorage(build, server);
        execFileSync(process.execPath, [fill], { env: { ...storage, ORDERS: String(orders) } });
        const name = build.label(`${orders.toLocaleString('en')} orders stored before`);
        const pair = await startPair(bench, build, [storage]);
        contestants.push(checkouts(name, server, pair));
      }
    }
    await bench.settle();
    const results = await compare(contestants, bench.effort);
    const title = `POST /checkout on ${on}, 20 connections, by orders stored`;
    reportCheckouts(title, results, '× few');
  }
}
