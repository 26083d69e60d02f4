export { createCounter } from './counter';
export { createLogger, type Logger } from './logger';
export { type GaugeSource } from './metrics';
export { createServiceLogger } from './service-logger';
export { annotateSpan, currentTraceparent, inLinkedSpan, inSpan } from './spans';
export { startTracing, type Tracing } from './start-tracing';
