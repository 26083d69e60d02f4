export { createLogger, type Logger } from './logger';
export { type GaugeSource } from './metrics';
export {
  annotateSpan,
  currentTraceparent,
  inBatchSpan,
  inLinkedSpan,
  inSpan,
  markFailed,
  withoutTrace,
} from './spans';
export { startTracing, type Tracing } from './start-tracing';
export { inStatementSpan } from './statements';
