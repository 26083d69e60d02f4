import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { startHttpServer } from '@loan-buddy/kit/testing';
import { parse } from 'protobufjs';
import { atEnd } from './at-end';

/** The part of OTLP 1.x (opentelemetry-proto, trace.proto and common.proto) that the tests read. */
const { root } = parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resourceSpans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scopeSpans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes traceId = 1; bytes spanId = 2; bytes parentSpanId = 4; string name = 5; Kind kind = 6;
    repeated KeyValue attributes = 9; repeated Link links = 13; Status status = 15;
  }
  enum Kind { UNSPECIFIED = 0; INTERNAL = 1; SERVER = 2; CLIENT = 3; PRODUCER = 4; CONSUMER = 5; }
  message Status { string message = 2; Code code = 3; }
  enum Code { UNSET = 0; OK = 1; ERROR = 2; }
  message Link { bytes traceId = 1; bytes spanId = 2; }
  message KeyValue { string key = 1; Value value = 2; }
  message Value {
    oneof value { string string = 1; bool bool = 2; int64 int = 3; double double = 4; }
  }`);
const request = root.lookupType('Request');

interface KeyValue {
  key: string;
  value: Record<string, string | number | boolean>;
}

interface SentSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: string;
  attributes: KeyValue[];
  links: { traceId: string; spanId: string }[];
  status: { code: string } | null;
}

interface Sent {
  resourceSpans: { resource: { attributes: KeyValue[] }; scopeSpans: { spans: SentSpan[] }[] }[];
}

/** A span as it was received. Ids are in hexadecimal. */
export interface ReceivedSpan {
  service: string;
  name: string;
  kind: string;
  traceId: string;
  spanId: string;
  /** Empty for the first span of a trace. */
  parentSpanId: string;
  attributes: Record<string, string | number | boolean>;
  links: { traceId: string; spanId: string }[];
  hasFailed: boolean;
}

const hex = (base64: string) => Buffer.from(base64, 'base64').toString('hex');

function valuesOf(attributes: readonly KeyValue[]) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]!]));
}

function decode(body: Buffer): ReceivedSpan[] {
  const options = { bytes: String, enums: String, longs: Number, arrays: true, defaults: true };
  const { resourceSpans } = request.toObject(request.decode(body), options) as Sent;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ name, kind, traceId, spanId, parentSpanId, attributes, links, status }) => ({
        service: String(valuesOf(resource.attributes)['service.name']),
        name,
        kind,
        traceId: hex(traceId),
        spanId: hex(spanId),
        parentSpanId: hex(parentSpanId),
        attributes: valuesOf(attributes),
        links: links.map((link) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
        hasFailed: status?.code === 'ERROR',
      })),
    ),
  );
}

/** Starts an OTLP receiver for HTTP with protobuf. Returns the environment that exports to it, and what it gets. */
export async function startOtlpReceiver() {
  const spans: ReceivedSpan[] = [];
  const { url, close } = await startHttpServer((req, res) => {
    void buffer(req).then((body) => {
      const isGzip = req.headers['content-encoding'] === 'gzip';
      if (req.url === '/v1/traces') spans.push(...decode(isGzip ? gunzipSync(body) : body));
      // An empty ExportTraceServiceResponse.
      res.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  atEnd(close);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: '100' };
  return { env, spans };
}

/** Draws what is below a span: one line a span, siblings by name. A span that belongs to no other is missing. */
export function drawTrace(spans: readonly ReceivedSpan[], parentSpanId: string): string[] {
  return spans
    .filter((span) => span.parentSpanId === parentSpanId)
    .map((span) => [`${span.service}: ${span.name}`, ...drawTrace(spans, span.spanId)])
    .sort(([a], [b]) => (a! < b! ? -1 : 1))
    .flatMap(([first, ...rest]) => [first!, ...rest.map((line) => `  ${line}`)]);
}
