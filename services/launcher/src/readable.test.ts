import { readable } from './readable';

describe('readable', () => {
  it('turns a request line into one line for people', () => {
    const line = JSON.stringify({
      level: 'info',
      time: '2025-07-08T12:30:45.678Z',
      service: 'offers',
      method: 'GET',
      route: '/offers',
      status: 200,
      durationMs: 1.234,
      requestId: 'r',
      msg: 'request',
    });
    expect(readable(line)).toMatch(/INFO.* offers +GET \/offers 200 in 1\.2 ms$/);
  });

  it('keeps what a line has to say beside the request', () => {
    const line =
      '{"level":"warn","time":1,"service":"offers","provider":"B","msg":"provider failed"}';
    expect(readable(line)).toMatch(/WARN.* offers +provider failed.*"provider":"B"/);
  });

  it('leaves everything else as it is', () => {
    expect(readable('Restarting')).toBe('Restarting');
  });
});
