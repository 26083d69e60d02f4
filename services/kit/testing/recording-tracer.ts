// Not in index.ts: the SDK loads slowly, and few tests need it.
import { context, propagation, trace } from '@opentelemetry/api';
import { node, tracing } from '@opentelemetry/sdk-node';
import { useTracer } from '../src/telemetry/spans';

/** Switches tracing on, until {@link switchTracingOff}. Returns the spans that have ended. */
export function recordingTracer() {
  const exporter = new tracing.InMemorySpanExporter();
  const spanProcessors = [new tracing.SimpleSpanProcessor(exporter)];
  const provider = new node.NodeTracerProvider({ spanProcessors });
  provider.register();
  useTracer(provider.getTracer('test'));
  const exported = (name: string) =>
    exporter.getFinishedSpans().filter((span) => span.name === name);
  return { exported, only: (name: string) => exported(name)[0]! };
}

export function switchTracingOff(): void {
  useTracer(undefined);
  trace.disable();
  context.disable();
  propagation.disable();
}
