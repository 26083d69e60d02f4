import { inLinkedSpan, inSpan } from '@loan-buddy/kit/telemetry';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { recordingTracer, switchTracingOff } from '../../../kit/testing/recording-tracer';
import { inBatchSpan, type WaitingSpan } from './batch-span';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const received = `00-${traceId}-00f067aa0ba902b7-01`;
const unsampled = `00-${traceId}-00f067aa0ba902b7-00`;

/** Starts a waiting span in each trace, runs `work` with them, and ends them. */
async function withWaiting(
  traceparents: readonly string[],
  work: (spans: WaitingSpan[]) => Promise<unknown>,
  waiting: WaitingSpan[] = [],
): Promise<void> {
  const [traceparent, ...rest] = traceparents;
  if (traceparent === undefined) await work(waiting);
  else
    await context.with(ROOT_CONTEXT, () =>
      inLinkedSpan('wait', { traceparent }, (span) => withWaiting(rest, work, [...waiting, span])),
    );
}

afterEach(switchTracingOff);

describe('inBatchSpan', () => {
  const other = received.replace('4bf9', '5bf9');

  it('links a batch and all that wait for it', async () => {
    const { exported, only } = recordingTracer();
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
    const { exported, only } = recordingTracer();
    await withWaiting([received], (spans) =>
      inBatchSpan('batch', spans, () => inSpan('statement', {}, () => Promise.resolve())),
    );
    expect(exported('batch')).toEqual([]);
    expect(only('statement').parentSpanContext?.spanId).toBe(only('wait').spanContext().spanId);
  });

  it('is in the first trace that is recorded, if there is one', async () => {
    const { exported, only } = recordingTracer();
    const work = () => inSpan('statement', {}, () => Promise.resolve());
    await withWaiting([unsampled, unsampled], (spans) => inBatchSpan('batch', spans, work));
    expect(exported('statement')).toEqual([]);
    await withWaiting([unsampled, other], (spans) => inBatchSpan('batch', spans, work));
    expect(only('batch').spanContext().traceId).toBe(other.split('-')[1]);
    expect(only('batch').attributes).toEqual({ 'loan_buddy.batch.size': 2 });
  });

  it('does not put work of untraced items into another trace', async () => {
    const { exported } = recordingTracer();
    await inLinkedSpan('another', { traceparent: received }, () =>
      inBatchSpan('batch', [undefined, undefined], () =>
        inSpan('statement', {}, () => Promise.resolve()),
      ),
    );
    expect(exported('statement')).toEqual([]);
  });
});
