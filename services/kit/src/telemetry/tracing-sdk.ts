import { setTimeout as sleep } from 'node:timers/promises';
import {
  context,
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  trace,
  type DiagLogger,
} from '@opentelemetry/api';
import { ExpressInstrumentation, ExpressLayerType } from '@opentelemetry/instrumentation-express';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { NodeSDK, resources } from '@opentelemetry/sdk-node';
import type { Logger } from './logger';
import { useTracer } from './spans';
import type { Tracing } from './start-tracing';
import { statementSummary } from './statements';

/** Requests of probes and of Prometheus: every few seconds, and never part of a trace. */
const UNTRACED = ['/livez', '/readyz', '/metrics'];
/** How often to log that spans cannot be exported: an outage may be long. */
const ERROR_INTERVAL_MS = 60_000;

/** Personal data, or may contain some; `undefined` keeps the instrumentation from setting it. */
const withoutPersonalData = {
  'client.address': undefined,
  'network.peer.address': undefined,
  'network.peer.port': undefined,
  'url.query': undefined,
  'user_agent.original': undefined,
};

const { defaultResource, envDetector, hostDetector, resourceFromAttributes } = resources;

/** Starts OpenTelemetry's SDK, which reads the standard variables itself. */
export function startSdk(service: string, env: NodeJS.ProcessEnv): Tracing {
  const reporter = createReporter();
  const report = () => {
    diag.setLogger(reporter.diagLogger, {
      logLevel: DiagLogLevel.WARN,
      suppressOverrideMessage: true,
    });
  };
  report();
  const sdk = new NodeSDK({
    // The environment's name goes first.
    resource: defaultResource().merge(resourceFromAttributes({ 'service.name': service })),
    // The default also has the process with its user.
    ...(!env['OTEL_NODE_RESOURCE_DETECTORS'] && { resourceDetectors: [envDetector, hostDetector] }),
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [
      new HttpInstrumentation({
        ignoreIncomingRequestHook: ({ url }) => UNTRACED.includes(url ?? ''),
        startIncomingSpanHook: () => withoutPersonalData,
        // Requests go through undici.
        disableOutgoingRequestInstrumentation: true,
      }),
      // Only for the route in the name of the server's span: a span for each layer would say nothing more.
      new ExpressInstrumentation({ ignoreLayersType: Object.values(ExpressLayerType) }),
      new UndiciInstrumentation({ requireParentforSpans: true }),
      new PgInstrumentation({
        requireParentSpan: true,
        ignoreConnectSpans: true,
        requestHook: (span, { query }) => {
          const summary = statementSummary(query.text);
          span.updateName(summary).setAttribute('db.query.summary', summary);
        },
      }),
    ],
  });
  sdk.start();
  // Again: with OTEL_LOG_LEVEL, the SDK writes to the console, and its lines are not JSON.
  report();
  useTracer(trace.getTracer('loan-buddy'));
  return {
    reportTo: reporter.reportTo,
    stop: async (timeoutMs) => {
      const stopped = sdk.shutdown().catch((error: unknown) => {
        diag.error(String(error));
      });
      // An unreachable collector must not fail the shutdown.
      await Promise.race([stopped, sleep(timeoutMs, undefined, { ref: false })]);
    },
  };
}

/** Turns the SDK's own messages, such as failed exports, into warnings. */
function createReporter() {
  let log: (reason: string) => void = (reason) => early.push(reason);
  const early: string[] = [];
  let quietUntil = 0;
  const ignore = () => undefined;
  const diagLogger: DiagLogger = {
    warn: (message) => {
      log(message);
    },
    error: (message) => {
      const now = performance.now();
      if (now < quietUntil) return;
      quietUntil = now + ERROR_INTERVAL_MS;
      log(reasonOf(message));
    },
    info: ignore,
    debug: ignore,
    verbose: ignore,
  };
  return {
    diagLogger,
    reportTo: (logger: Logger) => {
      log = (reason) => {
        // Outside of the trace whose span started the export.
        context.with(ROOT_CONTEXT, () => {
          logger.warn({ reason }, 'tracing is impaired');
        });
      };
      early.splice(0).forEach(log);
    },
  };
}

/** The SDK reports an error as JSON, with its stack. */
function reasonOf(message: string): string {
  try {
    const { message: text, code } = JSON.parse(message) as { message?: string; code?: string };
    return text ?? code ?? message;
  } catch {
    return message;
  }
}
