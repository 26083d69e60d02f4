import type { Bench } from '../bench';
import { compare } from '../measure';
import type { MeasuredProcess } from '../process';
import { cpuColumn, cpuOf, loadColumns, report, timesEarlier, timesFirst } from '../report';
import type { Recorded } from '../servers/recorded';

const request = { path: '/offers' };

/** `GET /offers` from the cache, beside other servers. */
export async function offersTable(bench: Bench): Promise<void> {
  const { builds, postgres, newStorage, startService, startServer } = bench;
  const ours: Record<string, MeasuredProcess> = {};
  for (const server of postgres ? [undefined, postgres] : [undefined]) {
    const name = server ? 'offers on PostgreSQL' : 'offers, as npm start runs it';
    for (const build of builds) {
      const env = { ...(await newStorage(build, server)) };
      ours[build.label(name)] = await startService('offers', build, env);
    }
  }
  const processes = {
    'bare node:http, the same bytes': await startServer('bare-offers', {
      BENCH_RESPONSE: JSON.stringify(await record(Object.values(ours)[0]!)),
    }),
    'Fastify, logger, the same security headers': await startServer('fastify-offers'),
    'Express as usual (pino-http, helmet, json)': await startServer('express-offers'),
    ...ours,
  };
  await bench.settle();
  await compareListings(bench, 'GET /offers', processes);
}

/** Compares the CPU time of `GET /offers`, relative to the first process. */
export async function compareListings(
  bench: Bench,
  title: string,
  processes: Record<string, MeasuredProcess>,
  options: { headers?: Record<string, Record<string, string>>; connections?: number } = {},
): Promise<void> {
  const { headers = {}, connections } = options;
  const contestants = Object.entries(processes).map(([name, { port, cpuMicros }]) => ({
    name,
    ports: [port],
    meters: { server: cpuMicros },
    request: { ...request, ...(headers[name] && { headers: headers[name] }) },
    expectedStatus: 200,
  }));
  const effort = { ...bench.effort, ...(connections !== undefined && { connections }) };
  report(title, await compare(contestants, effort), [
    cpuColumn('CPU a request', 'server'),
    timesFirst('× the first', cpuOf('server')),
    timesEarlier('CPU', cpuOf('server')),
    ...loadColumns(),
  ]);
}

/** Sends the request once and records the response, for a bare server to repeat. */
async function record({ port }: MeasuredProcess): Promise<Recorded> {
  const response = await fetch(`http://127.0.0.1:${String(port)}${request.path}`);
  const perConnection = new Set(['date', 'connection', 'keep-alive']);
  return {
    status: response.status,
    headers: [...response.headers].filter(([name]) => !perConnection.has(name)).flat(),
    body: await response.text(),
  };
}
