import {
  context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { formatTraceparent, parseTraceparent } from './trace-context';

/** Undefined while tracing is off: then, every function below only runs its work. */
let tracer: Tracer | undefined;

/** Switches the spans of this module on. */
export function useTracer(on: Tracer | undefined): void {
  tracer = on;
}

interface SpanOptions<Result> {
  /** Default: a step within this process. */
  kind?: keyof typeof SpanKind;
  /** No personal data. */
  attributes?: Attributes;
  links?: Link[];
  /** Returns the type of failure that a result stands for, one of few; undefined for a success. */
  errorOf?: (result: Result) => string | undefined;
}

type Work<Result> = (span: Span | undefined) => Promise<Result>;

/** Runs work in a child of the active span. Without one, such as in a poll, only runs it. */
export function inSpan<Result>(
  name: string,
  options: SpanOptions<Result>,
  work: Work<Result>,
): Promise<Result> {
  if (!tracer || !trace.getActiveSpan()) return work(undefined);
  return run(tracer, context.active(), name, options, work);
}

/**
 * Runs work that an earlier request or another process asked for. Its span is a child of the active span, or else of the
 * one that `traceparent` names, with a link to it: it may have ended long ago.
 */
export function inLinkedSpan<Result>(
  name: string,
  options: SpanOptions<Result> & { traceparent: string | null | undefined },
  work: Work<Result>,
): Promise<Result> {
  if (!tracer) return work(undefined);
  if (trace.getActiveSpan()) return run(tracer, context.active(), name, options, work);
  const origin = parseTraceparent(options.traceparent);
  if (!origin) return run(tracer, ROOT_CONTEXT, name, options, work);
  const parent = trace.setSpanContext(ROOT_CONTEXT, origin);
  return run(tracer, parent, name, { ...options, links: [{ context: origin }] }, work);
}

async function run<Result>(
  on: Tracer,
  parent: Context,
  name: string,
  { kind = 'INTERNAL', attributes = {}, links = [], errorOf }: SpanOptions<Result>,
  work: Work<Result>,
): Promise<Result> {
  const span = on.startSpan(name, { kind: SpanKind[kind], attributes, links }, parent);
  try {
    const result = await context.with(trace.setSpan(parent, span), () => work(span));
    const error = errorOf?.(result);
    if (error !== undefined) markFailed(span, error);
    return result;
  } catch (error) {
    // The log has the message, which may contain anything.
    markFailed(span, errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

/** Marks a span as failed (semantic conventions, "Recording errors"). */
function markFailed(span: Span, type: string): void {
  span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR });
}

function errorType(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** Adds attributes to the active span. No personal data. */
export function annotateSpan(attributes: Attributes): void {
  if (tracer) trace.getActiveSpan()?.setAttributes(attributes);
}

/**
 * Returns the `traceparent` to store or to send on: the active span's, so that what follows continues its trace. While
 * tracing is off, the received one as it is, if it is valid: this process is no part of the trace.
 */
export function currentTraceparent(received: string | undefined): string | undefined {
  if (!tracer) return parseTraceparent(received) && received;
  const active = trace.getActiveSpan();
  return active && formatTraceparent(active.spanContext());
}

/** Returns what adds the active span to a log line; undefined while tracing is off. */
export function spanFields(fieldsOf: (span: SpanContext) => object): (() => object) | undefined {
  if (!tracer) return undefined;
  return () => {
    const active = trace.getActiveSpan();
    return active ? fieldsOf(active.spanContext()) : {};
  };
}
