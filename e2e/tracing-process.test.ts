/** What tracing does to a process: at its start, to its log, without a collector, and at its end. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { until } from '@loan-buddy/kit/testing';
import { freePort } from './support/free-port';
import { startOtlpReceiver } from './support/otlp-receiver';
import { describeOnce } from './support/postgres';
import { root, startService } from './support/service-process';

describeOnce('tracing', () => {
  it('exports the last spans before the process exits', async () => {
    const receiver = await startOtlpReceiver();
    const env = { ...receiver.env, OTEL_BSP_SCHEDULE_DELAY: '3600000' };
    const { url, kill, exit } = await startService('confirm-payment', env);
    await fetch(`${url}/confirm-payment`, { method: 'POST' });
    // Requests of probes are not traced.
    await fetch(`${url}/livez`);
    kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(receiver.spans.map(({ name }) => name)).toEqual(['POST /confirm-payment']);
  });

  it.each([
    ['offers', 'PUBSUB_PROJECT_ID'],
    ['confirm-payment', 'GOOGLE_CLOUD_PROJECT'],
  ] as const)('is in the log that %s writes for Cloud Logging', async (name, variable) => {
    const receiver = await startOtlpReceiver();
    const env = { ...receiver.env, LOG_FORMAT: 'google', [variable]: 'my-project' };
    const { url, log } = await startService(name, env);
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await fetch(`${url}/openapi.json`, {
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    await until(() => log.some(({ message }) => message === 'request'));
    expect(log.find(({ message }) => message === 'request')).toEqual({
      severity: 'INFO',
      time: expect.any(String),
      service: name,
      'logging.googleapis.com/trace': `projects/my-project/traces/${traceId}`,
      'logging.googleapis.com/spanId': expect.stringMatching(/^[0-9a-f]{16}$/),
      'logging.googleapis.com/trace_sampled': true,
      httpRequest: {
        requestMethod: 'GET',
        requestUrl: '/openapi.json',
        status: 200,
        latency: expect.stringMatching(/^\d\.\d{6}s$/),
      },
      requestId: expect.any(String),
      message: 'request',
    });
  });

  it('costs a warning if the collector is unreachable', async () => {
    const { url, log, kill, exit } = await startService('confirm-payment', {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${String(await freePort())}`,
      OTEL_BSP_SCHEDULE_DELAY: '100',
    });
    expect((await fetch(`${url}/confirm-payment`, { method: 'POST' })).status).toBe(415);
    await until(() => log.some(({ msg }) => msg === 'tracing is impaired'));
    kill('SIGTERM');
    expect(await exit).toBe(0);
    const notInfo = log.filter(({ level }) => level !== 'info');
    expect(notInfo).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: 'tracing is impaired',
        reason: expect.stringContaining('ECONNREFUSED'),
      }),
    ]);
    // The warning is not about the request whose spans were the first of the export.
    expect(notInfo[0]).not.toHaveProperty('trace_id');
  });

  it('loads the SDK only if it is on', () => {
    const telemetry = join(root, 'services', 'kit', 'dist', 'telemetry');
    const script = `
      const { startTracing } = require(${JSON.stringify(telemetry)});
      startTracing('offers', process.env);
      const files = Object.keys(require.cache);
      console.log(files.some((file) => /opentelemetry.(sdk|instrumentation)/.test(file)));
      process.exit();`;
    const loads = (env: NodeJS.ProcessEnv) =>
      execFileSync(process.execPath, ['-e', script], { env, encoding: 'utf8' }).trim();
    const endpoint = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/v1/traces' };
    expect(loads({})).toBe('false');
    expect(loads({ ...endpoint, OTEL_SDK_DISABLED: 'true' })).toBe('false');
    expect(loads(endpoint)).toBe('true');
  });
});
