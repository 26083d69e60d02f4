import { recordingLogger } from '@loan-buddy/kit/testing';
import { anOrder } from '../../test/builders';
import type { OrderStore } from './order-store';
import { NotAskedError } from './payment-breaker';
import { UndecidedError, type AskForDecision } from './payment-client';
import { createAttemptDecision, pauseMs } from './attempt-decision';

type Failure = Parameters<OrderStore['recordFailure']>[1];

const policy = { attempts: 3, baseMs: 100, capMs: 1000 };

function setUp(askForDecision: AskForDecision) {
  const orders = {
    decide: jest.fn(() => Promise.resolve(anOrder({ status: 'APPROVED' }))),
    postpone: jest.fn(() => Promise.resolve(anOrder())),
    recordFailure: jest.fn(() => Promise.resolve(anOrder())),
  };
  const { logger, lines } = recordingLogger();
  const attemptDecision = createAttemptDecision({ orders, askForDecision, policy, logger });
  return {
    orders,
    lines,
    settle: (attempts = 0) => attemptDecision(anOrder({ attempts }), { requestId: 'r' }),
  };
}

const undecided = () =>
  Promise.reject(new UndecidedError('no answer', { cause: new Error('x'.repeat(1000)) }));

describe('attemptDecision', () => {
  it('records the decision', async () => {
    const { orders, settle } = setUp(() => Promise.resolve('APPROVED'));
    expect(await settle()).toMatchObject({ status: 'APPROVED' });
    expect(orders.decide).toHaveBeenCalledWith(expect.any(String), 'APPROVED');
  });

  it('records a failed attempt, with the reason cut short, and when the next is due', async () => {
    const { orders, lines, settle } = setUp(undecided);
    await settle(1);
    const [[, failure]] = orders.recordFailure.mock.calls as unknown as [[string, Failure]];
    const { reason, dueInMs, maxAttempts } = failure;
    expect(maxAttempts).toBe(3);
    expect(reason).toMatch(/^no answer: x+$/);
    expect(reason).toHaveLength(500);
    expect(dueInMs).toBeGreaterThanOrEqual(100);
    expect(dueInMs).toBeLessThanOrEqual(200);
    expect(lines).toMatchObject([{ level: 'warn' }]);
  });

  it('says loudly that an order has failed', async () => {
    const { orders, lines, settle } = setUp(undecided);
    orders.recordFailure.mockResolvedValue(anOrder({ status: 'FAILED', attempts: 3 }));
    await settle(2);
    expect(lines).toMatchObject([{ level: 'error', attempts: 3 }]);
  });

  it('counts no attempt where confirm-payment was not asked', async () => {
    const { orders, settle } = setUp(() => Promise.reject(new NotAskedError('open')));
    await settle(2);
    expect(orders.postpone).toHaveBeenCalledTimes(1);
    expect(orders.recordFailure).not.toHaveBeenCalled();
  });

  it('lets other errors through', async () => {
    const { settle } = setUp(() => Promise.reject(new Error('ours')));
    await expect(settle()).rejects.toThrow('ours');
  });
});

describe('pauseMs', () => {
  it.each([
    [1, 50, 100],
    [2, 100, 200],
    [4, 400, 800],
    [5, 500, 1000],
    [1000, 500, 1000],
  ])('after %d attempts is between %d and %d ms, and varies', (attempts, least, most) => {
    const pauses = Array.from({ length: 100 }, () => pauseMs(attempts, policy));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(most);
    expect(new Set(pauses).size).toBeGreaterThan(10);
  });
});
