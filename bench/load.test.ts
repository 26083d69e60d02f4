import { startHttpServer } from '@loan-buddy/kit/testing';
import { atRate, createRawClient } from './load';

describe('atRate', () => {
  it('makes requests due at a fixed rate, however late they are sent', async () => {
    const due: number[] = [];
    const outcomes = await atRate(100, 10, (dueAt) => {
      due.push(dueAt);
      const until = performance.now() + (due.length === 1 ? 50 : 0);
      while (performance.now() < until);
      return Promise.resolve({ outcome: 200, ms: 0 });
    });
    expect(outcomes).toHaveLength(10);
    expect(due.map((at) => Math.round(at - due[0]!))).toEqual(due.map((_, i) => i * 10));
  });
});

describe('a raw client', () => {
  it('measures from when a request was due', async () => {
    const server = await startHttpServer((_, res) => res.end());
    const { send, close } = createRawClient(server.port, { path: '/' });
    const hour = 3_600_000;
    const late = await send(performance.now() - hour);
    expect(late.outcome).toBe(200);
    expect(late.ms).toBeGreaterThan(hour);
    expect((await send()).ms).toBeLessThan(hour);
    close();
    await server.close();
  });

  it('reads a response that comes in several packets to its end', async () => {
    let connections = 0;
    const server = await startHttpServer((req, res) => {
      res.setHeader('Content-Length', 6);
      res.write('abc', () => setTimeout(() => res.end('def'), 20));
      req.socket.once('close', () => connections++);
    });
    const { send, close } = createRawClient(server.port, { path: '/' });
    for (let i = 0; i < 3; i++) {
      const { outcome, ms } = await send();
      expect(outcome).toBe(200);
      expect(ms).toBeGreaterThan(15);
    }
    expect(connections).toBe(0);
    close();
    await server.close();
  });
});
