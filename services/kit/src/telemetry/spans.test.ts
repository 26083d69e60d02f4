import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Span,
} from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { node, tracing } from '@opentelemetry/sdk-node';
import { createLogger } from './logger';
import {
  annotateSpan,
  currentTraceparent,
  inBatchSpan,
  inLinkedSpan,
  inSpan,
  useTracer,
  withoutTrace,
} from './spans';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const received = `00-${traceId}-00f067aa0ba902b7-01`;
const unsampled = `00-${traceId}-00f067aa0ba902b7-00`;
const origin = { kind: 'CONSUMER', traceparent: received } as const;

/** Switches tracing on. Returns what is exported. */
function setUp() {
  const exporter = new tracing.InMemorySpanExporter();
  const spanProcessors = [new tracing.SimpleSpanProcessor(exporter)];
  const provider = new node.NodeTracerProvider({ spanProcessors });
  provider.register();
  useTracer({ tracer: provider.getTracer('test'), suppress: suppressTracing });
  const exported = (name: string) =>
    exporter.getFinishedSpans().filter((span) => span.name === name);
  return { exported, only: (name: string) => exported(name)[0]! };
}

afterEach(() => {
  useTracer(undefined);
  trace.disable();
  context.disable();
  propagation.disable();
  process.removeAllListeners('exit');
});

/** Starts spans of as many requests, runs `work` with them, and ends them. */
async function withWaiting(traceparents: readonly string[], work: (spans: Span[]) => unknown) {
  const waiting: Span[] = [];
  const start = async (i: number): Promise<void> => {
    if (i === traceparents.length) {
      await work(waiting);
      return;
    }
    await context.with(ROOT_CONTEXT, () =>
      inLinkedSpan('wait', { traceparent: traceparents[i]! }, async (span) => {
        waiting.push(span!);
        await start(i + 1);
      }),
    );
  };
  await start(0);
}

describe('while tracing is off', () => {
  it('only runs the work', async () => {
    const work = jest.fn((span: unknown) => Promise.resolve(span));
    expect(await inSpan('a', {}, work)).toBeUndefined();
    expect(await inLinkedSpan('a', origin, work)).toBeUndefined();
    expect(await inBatchSpan('a', [undefined], () => Promise.resolve(1))).toBe(1);
    expect(withoutTrace(() => 2)).toBe(2);
    annotateSpan({ a: 1 });
    expect(work).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['the received traceparent as it is', received, received],
    ['also if the caller does not record', unsampled, unsampled],
    ['nothing instead of an invalid one', 'hello', undefined],
    ['nothing if none was received', undefined, undefined],
  ])('sends on %s', (_, text, sent) => {
    expect(currentTraceparent(text)).toBe(sent);
  });
});

describe('inSpan', () => {
  it('starts a child of the active span, whose failure it marks without its message', async () => {
    const { only } = setUp();
    const failure = Object.assign(new Error('cristina@example.com'), { code: 'refused' });
    const failing = inLinkedSpan('outer', origin, () =>
      inSpan('inner', { attributes: { a: 1 } }, () => Promise.reject(failure)),
    );
    await expect(failing).rejects.toBe(failure);
    const { attributes, status, events, parentSpanContext } = only('inner');
    expect(parentSpanContext?.spanId).toBe(only('outer').spanContext().spanId);
    expect(attributes).toEqual({ a: 1, 'error.type': 'refused' });
    expect([status, events]).toEqual([{ code: SpanStatusCode.ERROR }, []]);
  });

  it('starts none without an active span, as in a poll', async () => {
    const { exported } = setUp();
    await inSpan('alone', {}, () => Promise.resolve());
    expect(exported('alone')).toEqual([]);
  });
});

describe('inLinkedSpan', () => {
  it('continues a stored trace, with a link to its origin', async () => {
    const { only } = setUp();
    await inLinkedSpan('job', origin, () => Promise.resolve());
    const { parentSpanContext, links } = only('job');
    for (const { traceId: id, spanId } of [parentSpanContext!, links[0]!.context]) {
      expect([id, spanId]).toEqual([traceId, '00f067aa0ba902b7']);
    }
  });

  it('records nothing of a trace whose caller does not, and says so to the next', async () => {
    const { exported } = setUp();
    const sent = await inLinkedSpan('job', { traceparent: unsampled }, () =>
      Promise.resolve(currentTraceparent(undefined)),
    );
    expect(sent).toMatch(new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-00$`));
    expect(exported('job')).toEqual([]);
  });

  it('starts a trace if none was stored', async () => {
    const { only } = setUp();
    await inLinkedSpan('job', { traceparent: null }, () => Promise.resolve());
    expect([only('job').parentSpanContext, only('job').links]).toEqual([undefined, []]);
  });
});

describe('inBatchSpan', () => {
  const other = received.replace('4bf9', '5bf9');

  it('links a batch and all that wait for it', async () => {
    const { exported, only } = setUp();
    await withWaiting([received, other], (spans) =>
      inBatchSpan('batch', spans, () => inSpan('statement', {}, () => Promise.resolve())),
    );
    const batch = only('batch');
    const waits = exported('wait');
    const first = waits.find((span) => span.spanContext().traceId === traceId)!;
    expect(batch.parentSpanContext?.spanId).toBe(first.spanContext().spanId);
    expect(batch.attributes).toEqual({ 'loan_buddy.batch.size': 2 });
    const idsOf = (links: typeof batch.links) => links.map((link) => link.context.spanId).sort();
    expect(idsOf(batch.links)).toEqual(waits.map((span) => span.spanContext().spanId).sort());
    for (const { links } of waits) expect(idsOf(links)).toContain(batch.spanContext().spanId);
    expect(only('statement').parentSpanContext?.spanId).toBe(batch.spanContext().spanId);
  });

  it('adds no span to a batch of one', async () => {
    const { exported, only } = setUp();
    await withWaiting([received], (spans) =>
      inBatchSpan('batch', spans, () => inSpan('statement', {}, () => Promise.resolve())),
    );
    expect(exported('batch')).toEqual([]);
    expect(only('statement').parentSpanContext?.spanId).toBe(only('wait').spanContext().spanId);
  });

  it('is in the first trace that is recorded, if there is one', async () => {
    const { exported, only } = setUp();
    const work = () => inSpan('statement', {}, () => Promise.resolve());
    await withWaiting([unsampled, unsampled], (spans) => inBatchSpan('batch', spans, work));
    expect(exported('statement')).toEqual([]);
    await withWaiting([unsampled, other], (spans) => inBatchSpan('batch', spans, work));
    expect(only('batch').spanContext().traceId).toBe(other.split('-')[1]);
    expect(only('batch').attributes).toEqual({ 'loan_buddy.batch.size': 2 });
  });

  it('does not put work of untraced items into another trace', async () => {
    const { exported } = setUp();
    await inLinkedSpan('another', origin, () =>
      inBatchSpan('batch', [undefined, undefined], () =>
        inSpan('statement', {}, () => Promise.resolve()),
      ),
    );
    expect(exported('statement')).toEqual([]);
  });
});

describe('withoutTrace', () => {
  it('hides the trace from instrumentations', async () => {
    const { exported } = setUp();
    const headers = {};
    await inLinkedSpan('job', origin, () =>
      withoutTrace(() => {
        trace.getTracer('undici').startSpan('GET').end();
        propagation.inject(context.active(), headers);
        return Promise.resolve();
      }),
    );
    expect([exported('GET'), headers]).toEqual([[], {}]);
  });
});

describe('a log line', () => {
  it('has the ids of its span', async () => {
    jest.useFakeTimers();
    const { only } = setUp();
    let written = '';
    const to = { write: (bytes: Buffer) => (written += bytes.toString()) };
    const logger = createLogger({ service: 'offers', level: 'info', to });
    await inLinkedSpan('job', origin, () => {
      logger.info('within');
      return Promise.resolve();
    });
    logger.info('outside');
    jest.advanceTimersByTime(100);
    jest.useRealTimers();
    const [within, outside] = written.trim().split('\n');
    expect(JSON.parse(within!)).toMatchObject({
      trace_id: traceId,
      span_id: only('job').spanContext().spanId,
    });
    expect(outside).not.toContain('trace_id');
  });
});
