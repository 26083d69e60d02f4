import type { Bench } from '../bench';
import { compare, type Contestant } from '../measure';
import { checkouts, reportCheckouts, startPair } from './checkout';

/** Checkouts on one and on two processes of offers that share a database. */
export async function replicasTable(bench: Bench): Promise<void> {
  const { builds, postgres } = bench;
  if (!postgres) {
    console.log('replicas: not measured, because this machine has no PostgreSQL server\n');
    return;
  }
  const contestants: Contestant[] = [];
  for (const count of [1, 2]) {
    for (const build of builds) {
      const storage = await bench.newStorage(build, postgres);
      const pair = await startPair(bench, build, Array<typeof storage>(count).fill(storage));
      const name = count === 1 ? 'one replica' : 'two replicas, one database';
      contestants.push(checkouts(build.label(name), postgres, pair));
    }
  }
  await bench.settle();
  for (const connections of [20, 64]) {
    const title = `POST /checkout on PostgreSQL, ${String(connections)} connections`;
    const results = await compare(contestants, { ...bench.effort, connections });
    reportCheckouts(title, results, '× one');
  }
  // With as many connections in all, two replicas write batches half as large. Here, each has as many as one alone.
  const each = contestants.map((one) => ({ ...one, connections: 64 * one.ports.length }));
  reportCheckouts(
    'POST /checkout on PostgreSQL, 64 connections for each replica',
    await compare(each, bench.effort),
    '× one',
  );
}
