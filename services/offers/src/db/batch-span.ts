import { inSpan } from '@loan-buddy/kit/telemetry';
import { context, ROOT_CONTEXT, trace, type Span } from '@opentelemetry/api';

/** The span of an item while it waits; undefined if it is not traced. */
export type WaitingSpan = Span | undefined;

/**
 * Runs work that serves several waiting items at once. For one item, within its span. For several, in a span below the
 * first that is recorded; it and the waiting spans link to each other.
 */
export function inBatchSpan<Result>(
  name: string,
  waiting: readonly WaitingSpan[],
  work: () => Promise<Result>,
): Promise<Result> {
  const recorded = waiting.filter((span) => span?.isRecording() === true) as Span[];
  const first = recorded[0] ?? waiting[0];
  // Not the active context: it belongs to the item that happened to start the batch.
  const parent = first ? trace.setSpan(ROOT_CONTEXT, first) : ROOT_CONTEXT;
  if (waiting.length === 1 || recorded.length === 0) return context.with(parent, work);
  const attributes = { 'loan_buddy.batch.size': waiting.length };
  const links = recorded.map((span) => ({ context: span.spanContext() }));
  return context.with(parent, () =>
    inSpan(name, { attributes, links }, (batch) => {
      if (batch) for (const span of recorded) span.addLink({ context: batch.spanContext() });
      return work();
    }),
  );
}
