import { startHttpServer } from '@loan-buddy/kit/testing';
import { atRate, rawClient } from './open-loop';
import { atEnd } from './opened';

describe('atRate', () => {
  it('has requests due at one pace, however late they are sent', async () => {
    const due: number[] = [];
    const outcomes = await atRate(100, 0.1, (dueAt) => {
      due.push(dueAt);
      const until = performance.now() + (due.length === 1 ? 50 : 0);
      while (performance.now() < until);
      return Promise.resolve({ outcome: 200, ms: 0 });
    });
    expect(outcomes.length).toBeGreaterThan(5);
    expect(due.map((at) => Math.round(at - due[0]!))).toEqual(due.map((_, i) => i * 10));
  });
});

describe('rawClient', () => {
  it('counts from when a request was due', async () => {
    const server = await startHttpServer((_, res) => res.end());
    atEnd(server.close);
    const send = rawClient(server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const late = await send(performance.now() - 60_000);
    expect(late.outcome).toBe(200);
    expect(late.ms).toBeGreaterThan(60_000);
    expect((await send()).ms).toBeLessThan(60_000);
  });
});
