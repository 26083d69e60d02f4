import {
  context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { formatTraceparent, parseTraceparent } from './trace-context';

/** What the SDK provides; undefined while tracing is off. Then, every function below only runs its work. */
let sdk: { tracer: Tracer; suppress: (context: Context) => Context } | undefined;

/** Switches the spans of this module on. */
export function useTracer(parts: typeof sdk): void {
  sdk = parts;
}

interface SpanOptions {
  /** Default: a step within this process. */
  kind?: keyof typeof SpanKind;
  /** No personal data. */
  attributes?: Attributes;
}

type Work<Result> = (span: Span | undefined) => Promise<Result>;

/** Runs work in a child of the active span. Without one, such as in a poll, only runs it. */
export function inSpan<Result>(
  name: string,
  options: SpanOptions,
  work: Work<Result>,
): Promise<Result> {
  if (!sdk || !trace.getActiveSpan()) return work(undefined);
  return run(sdk.tracer, context.active(), name, options, work);
}

/**
 * Runs work that an earlier request or another process asked for. Its span is a child of the active span, or else of the
 * one that `traceparent` names, with a link to it: it may have ended long ago.
 */
export function inLinkedSpan<Result>(
  name: string,
  options: SpanOptions & { traceparent: string | null | undefined },
  work: Work<Result>,
): Promise<Result> {
  if (!sdk) return work(undefined);
  const active = context.active();
  if (trace.getSpan(active)) return run(sdk.tracer, active, name, options, work);
  const origin = parseTraceparent(options.traceparent);
  const parent = origin ? trace.setSpanContext(ROOT_CONTEXT, origin) : ROOT_CONTEXT;
  return run(sdk.tracer, parent, name, options, work, origin && [{ context: origin }]);
}

/**
 * Runs work that serves several waiting spans at once. One: within it. Several: in a span below the first that is
 * recorded; it and the waiting spans link to each other.
 */
export function inBatchSpan<Result>(
  name: string,
  waiting: readonly (Span | undefined)[],
  work: () => Promise<Result>,
): Promise<Result> {
  if (!sdk) return work();
  const recorded = waiting.filter((span) => span?.isRecording() === true) as Span[];
  const first = recorded[0] ?? waiting[0];
  // Not the active context: it belongs to the item that happened to start the batch.
  const parent = first ? trace.setSpan(ROOT_CONTEXT, first) : ROOT_CONTEXT;
  if (waiting.length === 1 || recorded.length === 0) return context.with(parent, work);
  const attributes = { 'loan_buddy.batch.size': waiting.length };
  const links = recorded.map((span) => ({ context: span.spanContext() }));
  const linked = (batch: Span | undefined) => {
    for (const span of recorded) span.addLink({ context: batch!.spanContext() });
    return work();
  };
  return run(sdk.tracer, parent, name, { attributes }, linked, links);
}

async function run<Result>(
  tracer: Tracer,
  parent: Context,
  name: string,
  { kind = 'INTERNAL', attributes = {} }: SpanOptions,
  work: Work<Result>,
  links: { context: ReturnType<Span['spanContext']> }[] = [],
): Promise<Result> {
  const span = tracer.startSpan(name, { kind: SpanKind[kind], attributes, links }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), () => work(span));
  } catch (error) {
    // The log has the message, which may contain anything.
    markFailed(span, errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

/** Marks a span as failed (semantic conventions, "Recording errors"). `type` is one of few. */
export function markFailed(span: Span | undefined, type: string): void {
  span?.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR });
}

function errorType(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** Whether a span would be a child of another: not while tracing is off, nor in a poll. */
export function isInSpan(): boolean {
  return sdk !== undefined && trace.getActiveSpan() !== undefined;
}

/** Adds attributes to the active span. No personal data. */
export function annotateSpan(attributes: Attributes): void {
  if (sdk) trace.getActiveSpan()?.setAttributes(attributes);
}

/** Runs work whose requests neither get spans nor carry the trace, for servers that others run. */
export function withoutTrace<Result>(work: () => Result): Result {
  return sdk ? context.with(sdk.suppress(context.active()), work) : work();
}

/**
 * Returns the `traceparent` to store or to send on: the active span's, so that what follows continues its trace. While
 * tracing is off, the received one as it is, if it is valid: this process is no part of the trace.
 */
export function currentTraceparent(received: string | undefined): string | undefined {
  if (!sdk) return parseTraceparent(received) && received;
  const active = trace.getActiveSpan();
  return active && formatTraceparent(active.spanContext());
}

/** Returns the fields that connect a log line with its span; undefined while tracing is off. */
export function logFields(): (() => object) | undefined {
  if (!sdk) return undefined;
  return () => {
    const active = trace.getActiveSpan()?.spanContext();
    return active ? { trace_id: active.traceId, span_id: active.spanId } : {};
  };
}
