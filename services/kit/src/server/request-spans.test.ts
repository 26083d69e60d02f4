import { once } from 'node:events';
import { request } from 'node:http';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { z } from 'zod';
import { recordingLogger, startApp, until } from '../../testing';
import { recordingTracer, switchTracingOff } from '../../testing/recording-tracer';
import { kitProblems } from '../problem/problem';
import { inSpan } from '../telemetry/spans';
import { endpoint } from './endpoint';
import { createExpressApp } from './express-app';
import { createLifecycle } from './lifecycle';
import { sendEmpty } from './responses';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

let close: () => Promise<void>;
afterEach(async () => {
  await close();
  switchTracingOff();
});

/** Starts a server with tracing on. */
async function setUp() {
  const { only, exported } = recordingTracer();
  const item = endpoint(
    {
      method: 'post',
      path: '/items/{id}',
      operationId: 'postItem',
      summary: 'Item',
      access: 'public',
      params: z.object({ id: z.string() }),
      query: z.object({ email: z.string().optional() }),
      body: z.object({}),
      responses: {},
    },
    async ({ params, res }) => {
      if (params.id === 'fault') throw new Error('cristina@example.com');
      if (params.id === 'held') return;
      await inSpan('write', {}, () => Promise.resolve());
      sendEmpty(res);
    },
  );
  const server = await startApp(
    createExpressApp({
      logger: recordingLogger().logger,
      lifecycle: createLifecycle(),
      problems: kitProblems,
      endpoints: [item],
    }),
  );
  close = server.close;
  const begin = (
    path: string,
    { method = 'POST', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ) => {
    const sent = request(`${server.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
    });
    return sent.on('error', () => undefined).end(method === 'POST' ? '{}' : undefined);
  };
  const send = async (...args: Parameters<typeof begin>) => {
    const sent = begin(...args);
    const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream];
    await once(response.resume(), 'end');
  };
  const span = async (name: string) => {
    await until(() => exported(name).length > 0);
    return only(name);
  };
  return { url: new URL(server.url), begin, send, span, exported };
}

describe('the span of a request', () => {
  it('continues the client’s trace, and has no personal data', async () => {
    const { url, send, span } = await setUp();
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, 'user-agent': 'cristina' };
    await send('/items/1?email=cristina@example.com', { headers });
    const ended = await span('POST /items/:id');
    expect(ended.attributes).toEqual({
      'http.request.method': 'POST',
      'http.response.status_code': 204,
      'http.route': '/items/:id',
      'network.protocol.version': '1.1',
      'server.address': '127.0.0.1',
      'server.port': Number(url.port),
      'url.path': '/items/1',
      'url.scheme': 'http',
    });
    expect(ended.kind).toBe(SpanKind.SERVER);
    expect(ended.status).toEqual({ code: SpanStatusCode.UNSET });
    expect(ended.spanContext().traceId).toBe(TRACE);
    expect(ended.parentSpanContext?.spanId).toBe(PARENT);
  });

  it('is the parent of the handler’s spans, also after a body was read', async () => {
    const { send, span } = await setUp();
    await send('/items/1');
    const { spanId } = (await span('POST /items/:id')).spanContext();
    expect((await span('write')).parentSpanContext?.spanId).toBe(spanId);
  });

  it('is marked as failed, without the message, if the service failed', async () => {
    const { send, span } = await setUp();
    await send('/items/fault');
    const { attributes, status, events } = await span('POST /items/:id');
    expect(attributes).toMatchObject({ 'http.response.status_code': 500, 'error.type': '500' });
    expect([status, events]).toEqual([{ code: SpanStatusCode.ERROR }, []]);
  });

  it('is marked as aborted, without a status, if the client left', async () => {
    const { begin, span } = await setUp();
    const sent = begin('/items/held');
    await once(sent, 'socket');
    await once(sent, 'finish');
    sent.destroy();
    const { attributes, status } = await span('POST /items/:id');
    expect(attributes).toMatchObject({ 'error.type': 'aborted' });
    expect(attributes).not.toHaveProperty('http.response.status_code');
    expect(status.code).toBe(SpanStatusCode.ERROR);
  });

  it('has few names, whatever clients send', async () => {
    const { send, span } = await setUp();
    await send('/none/cristina');
    const unrouted = await span('POST');
    expect(unrouted.attributes).toMatchObject({ 'http.response.status_code': 404 });
    expect(unrouted.attributes).not.toHaveProperty('http.route');
    expect(unrouted.status.code).toBe(SpanStatusCode.UNSET);
    await send('/items/1', { method: 'PURGE' });
    expect((await span('HTTP /items/:id')).attributes).toMatchObject({
      'http.request.method': '_OTHER',
      'http.request.method_original': 'PURGE',
      'http.response.status_code': 405,
    });
  });

  it('does not exist for probes and metrics', async () => {
    const { send, span, exported } = await setUp();
    for (const path of ['/livez', '/readyz', '/metrics']) await send(path, { method: 'GET' });
    await send('/items/1');
    await span('POST /items/:id');
    expect(exported('GET')).toEqual([]);
  });
});
