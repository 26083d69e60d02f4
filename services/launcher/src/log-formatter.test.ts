import { createLogFormatter, useColors } from './log-formatter';

function format(line: unknown, showAudit = false): string | undefined {
  const text = typeof line === 'string' ? line : JSON.stringify(line);
  return createLogFormatter({ colorize: false, showAudit })(text)?.text;
}

const request = {
  level: 'info',
  time: '2025-07-08T12:30:45.678Z',
  service: 'offers',
  method: 'GET',
  route: '/offers',
  status: 200,
  durationMs: 1.234,
  requestId: 'r',
  msg: 'request',
};

describe('createLogFormatter', () => {
  it('turns a request line into one readable line', () => {
    expect(format(request)).toMatch(/INFO: offers +GET \/offers 200 in 1\.2 ms$/);
  });

  it('shows the trace of a request, but not its span', () => {
    const line = format({ ...request, trace_id: '4bf92f35', span_id: '00f067aa' });
    expect(line).toMatch(/1\.2 ms \{"trace_id":"4bf92f35"\}$/);
  });

  it('shows the path if no route matched', () => {
    const line = { ...request, route: null, path: '/nope', status: 404 };
    expect(format(line)).toMatch(/GET \/nope 404 in 1\.2 ms$/);
  });

  it('shows a question mark for a target that is not a path', () => {
    const line = { ...request, route: null, path: '', status: 404 };
    expect(format(line)).toMatch(/GET \? 404 in 1\.2 ms$/);
  });

  it('shows bytes that were not a request as malformed', () => {
    const { level, time, service, requestId, msg } = request;
    const line = { level, time, service, method: null, route: null, status: 400, requestId, msg };
    expect(format(line)).toMatch(/INFO: offers +malformed request 400$/);
  });

  it('keeps the fields of other lines, including their status', () => {
    const line = { ...request, method: undefined, route: undefined, msg: 'order decided' };
    expect(format({ ...line, status: 'APPROVED' })).toMatch(/order decided \{"status":"APPROVED",/);
  });

  it('shows an error and its causes in one line', () => {
    const err = {
      type: 'AskError',
      message: 'no decision',
      cause: { type: 'Error', message: 'connect failed', code: 'ECONNREFUSED' },
    };
    const line = { level: 'warn', time: request.time, service: 'offers', msg: 'stays pending' };
    expect(format({ ...line, orderId: 'o', err })).toMatch(
      /WARN: offers +stays pending: no decision: connect failed \(ECONNREFUSED\) \{"orderId":"o"\}$/,
    );
  });

  it('shows the stack of an error that has one', () => {
    const err = { type: 'Error', message: 'odd', stack: 'Error: odd\n    at here' };
    expect(format({ level: 'error', service: 'offers', msg: 'failed', err })).toMatch(/at here/);
  });

  it('leaves out audit lines by default', () => {
    const line = { level: 'info', service: 'offers', audit: { who: null }, msg: 'audit' };
    expect(format(line)).toBeUndefined();
    expect(format(line, true)).toMatch(/audit \{"audit":\{"who":null\}\}$/);
  });

  it.each(['Restarting', '{ not JSON'])('does not change %j', (line) => {
    expect(format(line)).toBe(line);
  });
});

describe('useColors', () => {
  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
  ])('given %j and terminal %j, returns %j', (env, isTerminal, expected) => {
    expect(useColors(env, isTerminal)).toBe(expected);
  });
});
