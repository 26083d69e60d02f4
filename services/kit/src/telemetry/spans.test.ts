import { SpanStatusCode } from '@opentelemetry/api';
import { recordingTracer, switchTracingOff } from '../../testing/recording-tracer';
import { createLogger } from './logger';
import { annotateSpan, currentTraceparent, inLinkedSpan, inSpan } from './spans';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const received = `00-${traceId}-00f067aa0ba902b7-01`;
const unsampled = `00-${traceId}-00f067aa0ba902b7-00`;
const origin = { kind: 'CONSUMER', traceparent: received } as const;

afterEach(() => {
  switchTracingOff();
  process.removeAllListeners('exit');
});

describe('while tracing is off', () => {
  it('only runs the work', async () => {
    const work = jest.fn((span: unknown) => Promise.resolve(span));
    expect(await inSpan('a', {}, work)).toBeUndefined();
    expect(await inLinkedSpan('a', origin, work)).toBeUndefined();
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
    const { only } = recordingTracer();
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

  it('marks a result that stands for a failure', async () => {
    const { only } = recordingTracer();
    const options = { errorOf: (status: number) => (status >= 400 ? String(status) : undefined) };
    await inLinkedSpan('outer', origin, async () => {
      await inSpan('good', options, () => Promise.resolve(200));
      await inSpan('bad', options, () => Promise.resolve(503));
    });
    expect(only('good').status.code).toBe(SpanStatusCode.UNSET);
    expect(only('bad').attributes).toEqual({ 'error.type': '503' });
    expect(only('bad').status.code).toBe(SpanStatusCode.ERROR);
  });

  it('starts none without an active span, as in a poll', async () => {
    const { exported } = recordingTracer();
    await inSpan('alone', {}, () => Promise.resolve());
    expect(exported('alone')).toEqual([]);
  });
});

describe('inLinkedSpan', () => {
  it('continues a stored trace, with a link to its origin', async () => {
    const { only } = recordingTracer();
    await inLinkedSpan('job', origin, () => Promise.resolve());
    const { parentSpanContext, links } = only('job');
    for (const { traceId: id, spanId } of [parentSpanContext!, links[0]!.context]) {
      expect([id, spanId]).toEqual([traceId, '00f067aa0ba902b7']);
    }
  });

  it('records nothing of a trace whose caller does not, and sends that on', async () => {
    const { exported } = recordingTracer();
    const sent = await inLinkedSpan('job', { traceparent: unsampled }, () =>
      Promise.resolve(currentTraceparent(undefined)),
    );
    expect(sent).toMatch(new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-00$`));
    expect(exported('job')).toEqual([]);
  });

  it('starts a trace if none was stored', async () => {
    const { only } = recordingTracer();
    await inLinkedSpan('job', { traceparent: null }, () => Promise.resolve());
    expect([only('job').parentSpanContext, only('job').links]).toEqual([undefined, []]);
  });
});

describe('a log line', () => {
  it('has the ids of its span', async () => {
    jest.useFakeTimers();
    const { only } = recordingTracer();
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
