import { AxiosError, type InternalAxiosRequestConfig } from 'axios';
import { createLogger, describeError } from './logger';

function setUp(level = 'info') {
  jest.useFakeTimers({ now: new Date('2025-07-08T12:30:45.678Z') });
  const writes: string[] = [];
  const to = { write: (bytes: Buffer) => writes.push(bytes.toString()) };
  return { writes, logger: createLogger({ service: 'offers', level, to }) };
}
afterEach(() => {
  jest.useRealTimers();
  process.removeAllListeners('exit');
});

describe('createLogger', () => {
  it('writes lines together, after 100 ms at the latest', () => {
    const { writes, logger } = setUp();
    logger.info({ orderId: 'o-1' }, 'first');
    logger.debug('not asked for');
    logger.warn('second');
    expect(writes).toEqual([]);
    jest.advanceTimersByTime(100);
    expect(writes).toEqual([
      '{"level":"info","time":"2025-07-08T12:30:45.678Z","service":"offers","orderId":"o-1","msg":"first"}\n' +
        '{"level":"warn","time":"2025-07-08T12:30:45.678Z","service":"offers","msg":"second"}\n',
    ]);
  });

  it('writes long output at once, in order, and the rest on exit', () => {
    const { writes, logger } = setUp();
    logger.info('first');
    logger.info('€'.repeat(70_000));
    expect(writes).toHaveLength(2);
    for (let i = 0; i < 400; i++) logger.info('€'.repeat(100));
    logger.info('last');
    process.emit('exit', 0);
    const messages = writes
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(messages).toHaveLength(403);
    expect([messages[0], messages[1]?.length, messages[402]]).toEqual(['first', 70_000, 'last']);
    expect(new Set(messages.slice(2, 402))).toEqual(new Set(['€'.repeat(100)]));
  });
});

describe('a logged failure', () => {
  function written(level: string, log: 'warn' | 'error', err: Error): string {
    const { writes, logger } = setUp(level);
    logger[log]({ err, provider: 'A' }, 'failed');
    jest.advanceTimersByTime(100);
    return writes.join('');
  }

  const failure = new Error('no decision', { cause: new Error('refused') });

  it('at warn, includes its causes but no stacks', () => {
    const line = JSON.parse(written('info', 'warn', failure)) as object;
    expect(line).toMatchObject({
      provider: 'A',
      err: { type: 'Error', message: 'no decision', cause: { type: 'Error', message: 'refused' } },
    });
    expect(JSON.stringify(line)).not.toContain('stack');
  });

  it.each([
    ['at error', 'info', 'error', failure],
    ['at LOG_LEVEL=debug', 'debug', 'warn', failure],
    ['for a fault in the code', 'info', 'warn', new TypeError('x of undefined')],
  ] as const)('includes its stack %s', (_, level, log, err) => {
    expect(written(level, log, err)).toContain('"stack":');
  });
});

describe('an error', () => {
  it('is described if logged without fields, and in every line of a child logger bound to it', () => {
    const { writes, logger } = setUp();
    logger.error(new Error('direct'));
    logger.child({ err: new Error('bound') }).info('line');
    jest.advanceTimersByTime(100);
    const [direct, bound] = writes.join('').trim().split('\n');
    expect(JSON.parse(direct!)).toMatchObject({ err: { type: 'Error', message: 'direct' } });
    expect(JSON.parse(bound!)).toMatchObject({ err: { type: 'Error', message: 'bound' } });
  });
});

describe('describeError', () => {
  it('keeps the type, message, code, stack and causes of an error, and nothing else', () => {
    const config = { headers: { authorization: 'Bearer x' }, data: '{"user_id":"cristina"}' };
    const refused = new AxiosError(
      'refused',
      'ECONNREFUSED',
      config as unknown as InternalAxiosRequestConfig,
    );
    const described = describeError(new Error('outer', { cause: refused }));
    expect(described).toEqual({
      type: 'Error',
      message: 'outer',
      stack: expect.any(String) as string,
      cause: expect.objectContaining({ code: 'ECONNREFUSED', message: 'refused' }) as object,
    });
    expect(JSON.stringify(described)).not.toMatch(/Bearer|cristina/);
  });

  it('cuts long texts', () => {
    const described = JSON.stringify(describeError(new Error('x'.repeat(1_000_000))));
    expect(described.length).toBeLessThan(5000);
  });

  it('describes what is not an error', () => {
    expect(describeError('text')).toEqual({ type: 'string', message: 'text' });
  });
});
