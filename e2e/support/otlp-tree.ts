import type { ReceivedSpan } from './otlp-receiver';

/** Draws what is below a span: one line a span, siblings by name. A span that belongs to no other is missing. */
export function drawTrace(spans: readonly ReceivedSpan[], parentSpanId: string): string[] {
  return spans
    .filter((span) => span.parentSpanId === parentSpanId)
    .map((span) => [`${span.service}: ${span.name}`, ...drawTrace(spans, span.spanId)])
    .sort(([a], [b]) => (a! < b! ? -1 : 1))
    .flatMap(([first, ...rest]) => [first!, ...rest.map((line) => `  ${line}`)]);
}
