import { recordingLogger } from '../../testing';
import { ConfigError } from './env';
import type { Tracing } from '../telemetry/start-tracing';
import { runProcess, type Running } from './run';

/** Records how the process ends. `process.exit` is mocked, so that the test outlives it. */
function setUp() {
  const exits: unknown[] = [];
  let stderr = '';
  jest.spyOn(process, 'exit').mockImplementation((code) => {
    exits.push(code);
    return undefined as never;
  });
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += String(text);
    return true;
  });
  // Jest's own channel, if it runs in a worker.
  const send = Object.getOwnPropertyDescriptor(process, 'send');
  const sent: unknown[] = [];
  process.send = (message: unknown) => sent.push(message) > 0;
  restore = () => {
    if (send) Object.defineProperty(process, 'send', send);
    else delete process.send;
  };
  const { logger, lines } = recordingLogger();
  const run = (close: Running['close'], shutdownTimeoutMs = 1000, tracing?: Tracing) =>
    runProcess('offers', () => Promise.resolve({ logger, shutdownTimeoutMs, close }), tracing);
  return { exits, lines, run, sent, stderr: () => stderr };
}

let restore: () => void = () => undefined;

const settled = () => new Promise((resolve) => setImmediate(resolve));

afterEach(() => {
  restore();
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'];
  const events = [...signals, 'disconnect', 'uncaughtException'];
  for (const event of events) process.removeAllListeners(event);
});

describe('runProcess', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'disconnect'])(
    'closes once and exits 0 on %s, however often it comes',
    async (event) => {
      const { exits, run } = setUp();
      const close = jest.fn(() => Promise.resolve());
      await run(close);
      process.emit(event as 'disconnect');
      process.emit(event as 'disconnect');
      await settled();
      expect(close).toHaveBeenCalledTimes(1);
      expect(exits).toEqual([0]);
    },
  );

  it.each(['SIGTERM', 'disconnect'])('exits 0 at once on %s while it starts', (event) => {
    const { exits, sent } = setUp();
    void runProcess('offers', () => new Promise(() => undefined));
    process.emit(event as 'disconnect');
    expect(exits).toEqual([0]);
    expect(sent).toEqual([]);
  });

  it('reports over its IPC channel that it is ready', async () => {
    const { run, sent } = setUp();
    await run(() => Promise.resolve());
    expect(sent).toEqual([{ type: 'ready' }]);
  });

  it('exits 1 when closing fails', async () => {
    const { exits, lines, run } = setUp();
    await run(() => Promise.reject(new Error('stuck')));
    process.emit('SIGTERM');
    await settled();
    expect(exits).toEqual([1]);
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'stopped with an error' }));
  });

  it('exits 1 when closing takes too long', async () => {
    jest.useFakeTimers();
    const { exits, run } = setUp();
    await run(() => new Promise(() => undefined), 5000);
    process.emit('SIGTERM');
    jest.advanceTimersByTime(4999);
    expect(exits).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(exits).toEqual([1]);
    jest.useRealTimers();
  });

  it('logs an uncaught exception and exits 1', async () => {
    const { exits, lines, run } = setUp();
    await run(() => Promise.resolve());
    process.emit('uncaughtException', new Error('lost'));
    expect(exits).toEqual([1]);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'fatal' }));
  });

  it.each([
    ['two seconds at most', 60_000, 2000],
    ['less if the shutdown has less left', 1000, 900],
    ['none if it has none left', 50, 0],
  ])('exports the last spans before it exits: %s', async (_, shutdownTimeoutMs, timeoutMs) => {
    jest.useFakeTimers();
    const { exits, run } = setUp();
    let stopped: () => void = () => undefined;
    const stop = jest.fn(() => new Promise<void>((resolve) => (stopped = resolve)));
    await run(() => Promise.resolve(), shutdownTimeoutMs, { reportTo: () => undefined, stop });
    process.emit('SIGTERM');
    await jest.advanceTimersByTimeAsync(0);
    expect(stop).toHaveBeenCalledWith(timeoutMs);
    expect(exits).toEqual([]);
    stopped();
    await jest.advanceTimersByTimeAsync(0);
    expect(exits).toEqual([0]);
    jest.useRealTimers();
  });

  it('prints a bad configuration without a stack, and any other error with one', async () => {
    const { exits, stderr } = setUp();
    await runProcess('offers', () => Promise.reject(new ConfigError('PORT is wrong'))).catch(
      () => undefined,
    );
    expect(stderr()).toBe('offers: PORT is wrong\n');
    await runProcess('offers', () => Promise.reject(new Error('odd'))).catch(() => undefined);
    expect(stderr()).toMatch(/odd\n {4}at /);
    expect(exits).toEqual([1, 1]);
  });
});
