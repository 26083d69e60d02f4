import { startTracing } from './start-tracing';

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };

describe('startTracing', () => {
  it.each([
    ['without an endpoint', {}],
    ['with an empty one', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    ['if it is disabled', { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' }],
    ['if traces are not exported', { ...endpoint, OTEL_TRACES_EXPORTER: 'none' }],
  ])('starts nothing %s', (_, env) => {
    expect(startTracing('offers', env)).toBeUndefined();
  });
});
