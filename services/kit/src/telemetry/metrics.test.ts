/** Long, because the two formats, requests and gauges share one application. */
import { get } from 'node:http';
import { trace } from '@opentelemetry/api';
import type { Express } from 'express';
import request from 'supertest';
import {
  allButTimeouts,
  createOpenApiCheck,
  recordingLogger,
  startApp,
  eventLoopTurns,
  until,
} from '../../testing';
import { createAdmission } from '../admission/admission';
import { endpoint } from '../server/endpoint';
import { createLifecycle } from '../server/lifecycle';
import type { GaugeSource } from './metrics';
import { kitProblems } from '../problem/problem';
import { sendJson } from '../server/responses';
import { createServiceApp, type ServiceAppOptions } from '../server/service-app';

const setUp = (...gaugeSources: GaugeSource[]) => setUpWith({ gaugeSources });

function setUpWith(options: Partial<ServiceAppOptions>) {
  const { logger, lines } = recordingLogger();
  const requested: string[] = [];
  const things = endpoint(
    {
      method: 'get',
      path: '/things/{id}',
      operationId: 'getThing',
      summary: 'A thing',
      access: 'public',
      responses: { 200: { description: 'The thing.' } },
    },
    ({ req, res }) => {
      requested.push(String(req.params['id']));
      if (req.params['id'] !== 'none') sendJson(res, 200, {});
    },
  );
  const app = createServiceApp({
    info: { title: 'a service', version: '1.0.0', description: 'For a test.' },
    logger,
    lifecycle: createLifecycle(),
    problems: kitProblems,
    endpoints: [things],
    ...options,
  });
  const scrape = async () => (await request(app).get('/metrics').expect(200)).text.split('\n');
  /** Returns how many requests were counted, by their labels. */
  const counts = async () =>
    Object.fromEntries(
      (await scrape())
        .filter((line) => line.startsWith('http_request_duration_seconds_count'))
        .map((line) => /\{method="(.*)",route="(.*)",status="(.*)"\} (\d+)/.exec(line)!)
        .map(([, method, route, status, n]) => [`${method!} ${route!} ${status!}`, Number(n)]),
    );
  return { app, requested, lines, scrape, counts };
}

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const EXEMPLAR = new RegExp(
  `^http_request_duration_seconds_bucket{le="[\\d.]+",.*} 1 # {trace_id="${TRACE_ID}"} [\\d.]+ [\\d.]+$`,
);

const gauges = { a_gauge: { help: 'A.' }, several: { help: 'S.', label: 'kind' } };
const values = { a_gauge: 3, several: { x: 1, y: 0 } };

describe('/metrics', () => {
  it('reports on the process in Prometheus’ text format, as documented', async () => {
    const { app } = setUp();
    const response = await request(app).get('/metrics').expect(200);
    expect(response.headers).toMatchObject({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'cache-control': 'no-store',
    });
    for (const name of ['process_resident_memory_bytes', 'nodejs_heap_size_used_bytes']) {
      expect(response.text).toMatch(new RegExp(`^# TYPE ${name} `, 'm'));
      expect(response.text).toMatch(new RegExp(`^${name} \\d*[1-9]`, 'm'));
    }
    const { body: document } = await request(app).get('/openapi.json');
    const { status, headers, text } = response;
    createOpenApiCheck(document as object)('GET', '/metrics', { status, headers, body: text });
  });

  it('counts requests by the pattern of their route, never by their path', async () => {
    const { app, counts } = setUp();
    for (const id of ['a', 'b', 'c']) await request(app).get(`/things/${id}`).expect(200);
    for (const method of ['post', 'patch', 'delete'] as const) {
      await request(app)[method]('/things/a').expect(405);
    }
    expect(await counts()).toEqual({
      'GET /things/:id 200': 3,
      'POST /things/:id 405': 1,
      'PATCH /things/:id 405': 1,
      'DELETE /things/:id 405': 1,
    });
  });

  it('counts all unknown paths as one route, and all unknown methods as one method', async () => {
    const { app, counts } = setUp();
    for (const path of ['/x', '/y?z', '/things', '/things/a/b']) {
      await request(app).get(path).expect(404);
    }
    await request(app).propfind('/things/a').expect(405);
    await request(app).purge('/things/b').expect(405);
    expect(await counts()).toEqual({ 'GET unknown 404': 4, 'other /things/:id 405': 2 });
  });

  it('counts a request whose client left as aborted', async () => {
    const { app, requested, counts, lines } = setUp();
    const server = await startApp(app);
    const call = get(`${server.url}/things/none`).on('error', () => undefined);
    await until(() => requested.length > 0);
    call.destroy();
    await until(() => lines.some(({ msg }) => msg === 'request aborted'));
    await server.close();
    expect(await counts()).toEqual({ 'GET /things/:id aborted': 1 });
  });

  it('measures in seconds; each bucket includes the smaller ones', async () => {
    const { app, lines, scrape } = setUp();
    for (const id of ['a', 'b']) await request(app).get(`/things/${id}`);
    const text = (await scrape()).join('\n');
    const labels = 'method="GET",route="/things/:id",status="200"';
    const durationsMs = lines.flatMap(({ route, durationMs }) =>
      route === '/things/:id' ? [Number(durationMs)] : [],
    );
    const sum = new RegExp(`_sum{${labels}} (.*)`).exec(text)![1];
    expect(Number(sum)).toBeCloseTo(durationsMs.reduce((a, b) => a + b) / 1000, 6);
    const buckets = [...text.matchAll(new RegExp(`_bucket{le="(.*)",${labels}} (.*)`, 'g'))];
    expect(buckets.length).toBeGreaterThan(10);
    for (const [, le, count] of buckets) {
      const within = durationsMs.filter((ms) => le === '+Inf' || ms / 1000 <= Number(le));
      expect([le, Number(count)]).toEqual([le, within.length]);
    }
  });

  it('counts requests refused under load by the code of their problem', async () => {
    const { app, scrape } = setUp();
    const { app: full } = setUpWith({ admission: createAdmission({ maxConcurrent: 0 }) });
    expect(await scrape()).toContain('http_requests_denied_total{code="overloaded"} 0');
    await request(full).get('/things/a').expect(503);
    await request(app).get('/nothing').expect(404);
    const denied = (await scrape()).filter((line) => line.startsWith('http_requests_denied_total'));
    expect(denied).toEqual([
      'http_requests_denied_total{code="overloaded"} 1',
      'http_requests_denied_total{code="quota-exceeded"} 0',
    ]);
  });

  it('counts the requests of each application in a process separately', async () => {
    const [one, other] = [setUp(), setUp()];
    await request(one.app).get('/things/a');
    expect(await other.counts()).toEqual({});
  });
});

describe('/metrics for a scraper that asks for OpenMetrics', () => {
  const accept = [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5',
    'text/plain;version=0.0.4;q=0.4,*/*;q=0.1',
  ].join();
  const scrapeOpenMetrics = (app: Express) =>
    request(app).get('/metrics').set('Accept', accept).expect(200);

  it('has every metric, under the names of the text format', async () => {
    const { app, scrape } = setUp({ gauges, read: () => values });
    await scrape();
    const response = await scrapeOpenMetrics(app);
    expect(response.headers['content-type']).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    );
    const lines = response.text.split('\n');
    expect(lines.slice(-2)).toEqual(['# EOF', '']);
    // Reading OpenMetrics must not rename the counters of the text format.
    const namesIn = (text: string[]) =>
      new Set(text.flatMap((line) => /^[a-z]\w+/.exec(line)?.[0] ?? []));
    expect(namesIn(lines)).toEqual(namesIn(await scrape()));
    expect(namesIn(lines)).toContain('process_cpu_seconds_total');
  });

  it.each([
    ['leads to a recorded trace', 1, [expect.stringMatching(EXEMPLAR)]],
    ['leads to no other trace', 0, []],
  ])('%s', async (_, traceFlags, exemplars) => {
    const { app, scrape } = setUp();
    const span = trace.wrapSpanContext({
      traceId: TRACE_ID,
      spanId: '00f067aa0ba902b7',
      traceFlags,
    });
    const active = jest.spyOn(trace, 'getActiveSpan').mockReturnValue(span);
    await request(app).get('/things/a').expect(200);
    active.mockRestore();
    const { text } = await scrapeOpenMetrics(app);
    const lines = text.split('\n').filter((line) => line.includes('# {'));
    expect(lines).toEqual(exemplars);
    expect((await scrape()).join()).not.toContain(TRACE_ID);
  });
});

describe('a gauge', () => {
  it('is read at each scrape', async () => {
    let value = 1;
    const { scrape } = setUp({ gauges, read: () => ({ a_gauge: value++ }) });
    expect(await scrape()).toContain('a_gauge 1');
    expect(await scrape()).toContain('a_gauge 2');
  });

  it('may have one value per label value', async () => {
    const { scrape } = setUp({ gauges, read: () => Promise.resolve(values) });
    expect(await scrape()).toEqual(
      expect.arrayContaining(['a_gauge 3', 'several{kind="x"} 1', 'several{kind="y"} 0']),
    );
  });

  it.each([
    ['has no value', () => ({})],
    ['cannot be read', () => Promise.reject(new Error('down'))],
    [
      'has a source that throws',
      () => {
        throw new Error('down');
      },
    ],
    ['is not read in time', () => new Promise<never>(() => undefined)],
  ])('is omitted if it %s; the other metrics are still there', async (_, read) => {
    let broken = false;
    let reads = 0;
    const { scrape } = setUp(
      {
        gauges,
        read: () => {
          reads += 1;
          return broken ? read() : values;
        },
      },
      { gauges: { another: { help: 'B.' } }, read: () => ({ another: 7 }) },
    );
    expect(await scrape()).toContain('a_gauge 3');
    broken = true;
    jest.useFakeTimers({ doNotFake: allButTimeouts });
    const scraping = scrape();
    await until(() => reads === 2);
    jest.advanceTimersByTime(1000);
    const lines = await scraping;
    jest.useRealTimers();
    expect(lines.filter((line) => /^(a_gauge|several)/.test(line))).toEqual([]);
    expect(lines).toContain('another 7');
    expect(lines.some((line) => line.startsWith('process_cpu_seconds_total'))).toBe(true);
  });

  it('is read once for concurrent scrapes', async () => {
    let reads = 0;
    let respond: (read: typeof values) => void = () => undefined;
    const read = () => {
      reads += 1;
      return new Promise<typeof values>((resolve) => (respond = resolve));
    };
    const server = await startApp(setUp({ gauges, read }).app);
    jest.useFakeTimers({ doNotFake: allButTimeouts });
    const scrapes = [1, 2, 3].map(
      () =>
        new Promise<string>((resolve, reject) => {
          get(`${server.url}/metrics`, (response) => {
            response.setEncoding('utf8').on('data', (text: string) => {
              if (text.includes('a_gauge 3')) resolve(text);
            });
          }).on('error', reject);
        }),
    );
    await until(() => server.connections() === 3 && reads > 0);
    await eventLoopTurns();
    respond(values);
    await Promise.all(scrapes);
    jest.useRealTimers();
    await server.close();
    expect(reads).toBe(1);
  });
});
