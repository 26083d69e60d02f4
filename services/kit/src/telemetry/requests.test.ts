import { createLogger } from './logger';
import { logRequest, type ServedRequest } from './requests';

function setUp(level = 'info') {
  jest.useFakeTimers({ now: new Date('2025-07-08T12:30:45.678Z') });
  let written = '';
  const to = { write: (bytes: Buffer) => (written += bytes.toString()) };
  const logger = createLogger({ service: 'offers', level, to });
  const takeWritten = () => {
    jest.advanceTimersByTime(100);
    const lines = written;
    written = '';
    return lines;
  };
  const log = (line: ServedRequest) => {
    logRequest(logger, line);
  };
  return { log, written: takeWritten };
}

afterEach(() => {
  jest.useRealTimers();
  process.removeAllListeners('exit');
});

describe('logRequest', () => {
  const line: ServedRequest = {
    method: 'GET',
    route: '/offers',
    status: 200,
    durationMs: 0.25,
    requestId: 'r-1',
  };

  it.each([
    [{}, 'info', 'request'],
    [{ status: 404, route: null }, 'info', 'request'],
    [{ status: 503 }, 'warn', 'request'],
    [{ status: null }, 'warn', 'request aborted'],
  ])('logs %j at %s', (changes, level, msg) => {
    const { log, written } = setUp();
    log({ ...line, ...changes });
    expect(JSON.parse(written())).toMatchObject({ ...line, ...changes, level, msg });
  });

  it('writes nothing below the log level', () => {
    const { log, written } = setUp('warn');
    log(line);
    expect(written()).toBe('');
  });
});
