import type { Bench } from '../bench';
import { compare, type Contestant } from '../measure';
import type { MeasuredProcess } from '../process';
import { checkouts, databases, reportCheckouts, startPair, urlOf } from './checkout';
import { compareListings } from './offers';

/** `GET /offers` and checkouts with tracing off, with 1 % of the traces recorded, and with all of them. */
export async function tracingTable(bench: Bench): Promise<void> {
  const on = {
    OTEL_EXPORTER_OTLP_ENDPOINT: urlOf(await bench.startServer('collector')),
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  };
  const settings = {
    'tracing off': {},
    'on, 1 % of the traces recorded': { ...on, OTEL_TRACES_SAMPLER_ARG: '0.01' },
    'on, all recorded': { ...on, OTEL_TRACES_SAMPLER_ARG: '1' },
  };

  const processes: Record<string, MeasuredProcess> = {};
  const pairs: Contestant[] = [];
  const { on: storage, server } = databases(bench)[0]!;
  for (const [name, env] of Object.entries(settings)) {
    for (const build of bench.builds) {
      const label = build.label(name);
      const memory = { ...env, DATABASE_URL: 'memory:' };
      processes[label] = await bench.startService('offers', build, memory);
      const pair = await startPair(bench, build, [await bench.newStorage(build, server)], env);
      pairs.push(checkouts(label, server, pair));
    }
  }
  await bench.settle();
  await compareListings(bench, 'GET /offers', processes);
  for (const connections of [1, 20]) {
    const title = `POST /checkout on ${storage}, ${String(connections)} ${connections === 1 ? 'connection' : 'connections'}`;
    reportCheckouts(title, await compare(pairs, { ...bench.effort, connections }), '× off');
  }
}
