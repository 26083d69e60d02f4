import { eventLoopTurns, recordingLogger } from '@loan-buddy/kit/testing';
import { anOrder } from '../../test/builders';
import type { Order } from '../domain/order';
import type { Worker } from '../db/worker';
import { createDecisionWorker } from './decision-worker';

let worker: Worker;
afterEach(() => worker.stop());

function setUp(due: number, options: { allowance?: number } = {}) {
  const queue = Array.from({ length: due }, aDueOrder);
  const claims: number[] = [];
  const attempts: ((order: Order) => void)[] = [];
  const failure: { error?: Error } = {};
  const limits = { allowance: options.allowance ?? 10 };
  const { logger, lines } = recordingLogger();
  worker = createDecisionWorker({
    orders: {
      claimDue: (limit) => {
        claims.push(limit);
        return failure.error
          ? Promise.reject(failure.error)
          : Promise.resolve(queue.splice(0, limit));
      },
    },
    attemptDecision: () => new Promise((resolve) => attempts.push(resolve)),
    allowance: () => limits.allowance,
    leaseMs: 1000,
    logger,
  });
  worker.start();
  return { queue, claims, attempts, failure, limits, lines };
}

const aDueOrder = () => ({ ...anOrder(), isRequested: false, traceparent: null });
/** Runs only what is due immediately: the worker also polls on its own. */
const soon = () => eventLoopTurns(10);

describe('the decision worker', () => {
  it('limits its concurrency and claims the next order as one finishes', async () => {
    const { queue, attempts } = setUp(25);
    await soon();
    expect([attempts.length, queue.length]).toEqual([10, 15]);
    attempts[0]!(anOrder());
    await soon();
    expect([attempts.length, queue.length]).toEqual([11, 14]);
    for (let i = 1; attempts[i]; i++) {
      attempts[i]!(anOrder());
      await soon();
    }
    expect(queue).toEqual([]);
  });

  it('claims nothing while the breaker is open, and one order for the half-open trial', async () => {
    const { claims, limits, attempts } = setUp(25, { allowance: 0 });
    await soon();
    expect(claims).toEqual([]);
    limits.allowance = 1;
    worker.wake();
    await soon();
    expect(claims).toEqual([1]);
    limits.allowance = 0;
    attempts[0]!(anOrder());
  });

  it('sleeps when nothing is due, and claims again when woken', async () => {
    const { claims, queue, attempts } = setUp(0);
    await soon();
    expect(claims).toEqual([10]);
    queue.push(aDueOrder());
    worker.wake();
    await soon();
    expect(attempts).toHaveLength(1);
    attempts[0]!(anOrder());
  });

  it('logs a database outage once, and resumes afterwards', async () => {
    const { failure, lines, attempts, queue } = setUp(0);
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
    attempts[0]!(anOrder());
  });

  it('on stop, finishes its claimed orders and claims no more', async () => {
    const { attempts, claims } = setUp(12);
    await soon();
    let stopped = false;
    const stopping = worker.stop().then(() => (stopped = true));
    await soon();
    expect(stopped).toBe(false);
    for (const end of attempts) end(anOrder());
    await stopping;
    expect(claims).toEqual([10]);
  });
});
