export { createLogger, type Logger } from './logger';
export { type GaugeSource } from './metrics';
export { continueTrace } from './trace-context';
