import { recordingTracer, switchTracingOff } from '../../testing/recording-tracer';
import { createLogger, type Logger } from './logger';
import { logRequest } from './requests';
import { inLinkedSpan } from './spans';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

afterEach(() => {
  switchTracingOff();
  jest.useRealTimers();
  process.removeAllListeners('exit');
});

/** Returns the lines that `log` writes. */
async function linesOf(
  log: (logger: Logger) => unknown,
  project?: string,
): Promise<Record<string, unknown>[]> {
  jest.useFakeTimers({ now: new Date('2025-07-08T12:30:45.678Z') });
  let written = '';
  const to = { write: (bytes: Buffer) => (written += bytes.toString()) };
  await log(createLogger({ service: 'offers', level: 'trace', format: 'google', project, to }));
  jest.advanceTimersByTime(100);
  return written
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a log line for Cloud Logging', () => {
  it('has the severity, the message and the time that Cloud Logging reads', async () => {
    const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
    const lines = await linesOf((logger) => {
      for (const level of levels) logger[level]({ orderId: 'o-1' }, 'order decided');
    });
    const line = {
      time: '2025-07-08T12:30:45.678Z',
      service: 'offers',
      orderId: 'o-1',
      message: 'order decided',
    };
    expect(lines).toEqual(
      ['DEBUG', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'].map((severity) => ({
        severity,
        ...line,
      })),
    );
  });

  it('describes a request as httpRequest', async () => {
    const served = { method: 'GET', durationMs: 12.3, requestId: 'r-1' };
    const [routed, unrouted, aborted, malformed] = await linesOf((logger) => {
      logRequest(logger, { ...served, route: '/orders/:id', status: 503 });
      logRequest(logger, { ...served, route: null, path: '/none', status: 404 });
      logRequest(logger, { ...served, route: '/offers', status: null });
      logger.info({ method: null, route: null, status: 400, requestId: 'r-2' }, 'request');
    });
    const httpRequest = { requestMethod: 'GET', latency: '0.012300s' };
    expect(routed).toEqual({
      severity: 'WARNING',
      time: expect.any(String) as string,
      service: 'offers',
      httpRequest: { ...httpRequest, requestUrl: '/orders/:id', status: 503 },
      requestId: 'r-1',
      message: 'request',
    });
    expect(unrouted!['httpRequest']).toEqual({ ...httpRequest, requestUrl: '/none', status: 404 });
    expect(aborted!['httpRequest']).toEqual({ ...httpRequest, requestUrl: '/offers' });
    expect(malformed).toMatchObject({ httpRequest: { status: 400 }, requestId: 'r-2' });
  });

  it.each([
    ['recorded', '01', true],
    ['not recorded', '00', false],
  ])('names its span, and that it is %s', async (_, flags, isSampled) => {
    recordingTracer();
    const traceparent = `00-${traceId}-00f067aa0ba902b7-${flags}`;
    let spanId: string | undefined;
    const [within, outside] = await linesOf(async (logger) => {
      await inLinkedSpan('job', { traceparent }, (span) => {
        spanId = span?.spanContext().spanId;
        logger.info('within');
        return Promise.resolve();
      });
      logger.info('outside');
    }, 'my-project');
    expect(within).toMatchObject({
      'logging.googleapis.com/trace': `projects/my-project/traces/${traceId}`,
      'logging.googleapis.com/spanId': spanId,
      'logging.googleapis.com/trace_sampled': isSampled,
    });
    expect(within).not.toHaveProperty('trace_id');
    expect(Object.keys(outside!).join()).not.toContain('googleapis');
  });

  it('has only the id of the trace if the project is unknown', async () => {
    recordingTracer();
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const [line] = await linesOf((logger) =>
      inLinkedSpan('job', { traceparent }, () => {
        logger.info('within');
        return Promise.resolve();
      }),
    );
    expect(line!['logging.googleapis.com/trace']).toBe(traceId);
  });
});
