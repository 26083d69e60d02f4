import { setTimeout as sleep } from 'node:timers/promises';
import { recordingLogger } from '@loan-buddy/kit/testing';
import { anOrder } from '../../test/builders';
import type { Order } from './order';
import type { Poller } from '@loan-buddy/kit';
import { createRetryWorker } from './retry-worker';

let worker: Poller;
afterEach(() => worker.stop());

function setUp(due: number, options: { allowance?: number } = {}) {
  const queue = Array.from({ length: due }, aDueOrder);
  const claims: number[] = [];
  const settling: ((order: Order) => void)[] = [];
  const failure: { error?: Error } = {};
  const limits = { allowance: options.allowance ?? 10 };
  const { logger, lines } = recordingLogger();
  worker = createRetryWorker({
    orders: {
      claimDue: (limit) => {
        claims.push(limit);
        return failure.error
          ? Promise.reject(failure.error)
          : Promise.resolve(queue.splice(0, limit));
      },
    },
    settleOrder: () => new Promise((resolve) => settling.push(resolve)),
    allowance: () => limits.allowance,
    leaseMs: 1000,
    logger,
  });
  worker.start();
  return { queue, claims, settling, failure, limits, lines };
}

const aDueOrder = () => ({ ...anOrder(), isRequested: false });
const soon = () => sleep(20);

describe('the retry worker', () => {
  it('has a bounded number in hand, and takes the next as one is settled', async () => {
    const { queue, settling } = setUp(25);
    await soon();
    expect([settling.length, queue.length]).toEqual([10, 15]);
    settling[0]!(anOrder());
    await soon();
    expect([settling.length, queue.length]).toEqual([11, 14]);
    for (let i = 1; settling[i]; i++) {
      settling[i]!(anOrder());
      await soon();
    }
    expect(queue).toEqual([]);
  });

  it('claims nothing while the breaker is open, and one when one may try', async () => {
    const { claims, limits, settling } = setUp(25, { allowance: 0 });
    await soon();
    expect(claims).toEqual([]);
    limits.allowance = 1;
    worker.wake();
    await soon();
    expect(claims).toEqual([1]);
    limits.allowance = 0;
    settling[0]!(anOrder());
  });

  it('rests when nothing is due, and looks again when it is woken', async () => {
    const { claims, queue, settling } = setUp(0);
    await soon();
    expect(claims).toEqual([10]);
    queue.push(aDueOrder());
    worker.wake();
    await soon();
    expect(settling).toHaveLength(1);
    settling[0]!(anOrder());
  });

  it('says once that the database is away, and goes on when it is back', async () => {
    const { failure, lines, settling, queue } = setUp(0);
    failure.error = new Error('away');
    for (let i = 0; i < 3; i++) {
      worker.wake();
      await soon();
    }
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    delete failure.error;
    queue.push(aDueOrder());
    worker.wake();
    await soon();
    settling[0]!(anOrder());
  });

  it('finishes what it has in hand when it is stopped, and takes no more', async () => {
    const { settling, claims } = setUp(12);
    await soon();
    let stopped = false;
    const stopping = worker.stop().then(() => (stopped = true));
    await soon();
    expect(stopped).toBe(false);
    for (const settle of settling) settle(anOrder());
    await stopping;
    expect(claims).toEqual([10]);
  });
});
