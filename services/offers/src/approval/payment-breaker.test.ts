import { recordingLogger } from '@loan-buddy/kit/testing';
import { anOrder } from '../../test/builders';
import { createPaymentBreaker, BreakerOpenError } from './payment-breaker';
import { UndecidedError } from './payment-client';

const OPEN_MS = 100;

function setUp() {
  let respond: () => Promise<'APPROVED'> = () => Promise.reject(new UndecidedError('no response'));
  const askForDecision = jest.fn(() => respond());
  const { logger } = recordingLogger();
  const breaker = createPaymentBreaker({ askForDecision, failures: 2, openMs: OPEN_MS, logger });
  const ask = () => breaker.askForDecision(anOrder(), { requestId: 'r' });
  const fail = async (times: number) => {
    for (let i = 0; i < times; i++) await expect(ask()).rejects.toThrow(UndecidedError);
  };
  return {
    breaker,
    ask,
    fail,
    askForDecision,
    set: (next: typeof respond) => (respond = next),
  };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const approve = () => Promise.resolve('APPROVED' as const);

describe('the breaker', () => {
  it('passes every call while closed', async () => {
    const { breaker, ask, fail, set } = setUp();
    await fail(1);
    set(approve);
    expect(await ask()).toBe('APPROVED');
    set(() => Promise.reject(new UndecidedError('no response')));
    await fail(1);
    expect([breaker.state(), breaker.allowance()]).toEqual(['closed', Infinity]);
  });

  it('opens after consecutive failures', async () => {
    const { breaker, ask, fail, askForDecision } = setUp();
    await fail(2);
    await expect(ask()).rejects.toThrow(BreakerOpenError);
    expect(askForDecision).toHaveBeenCalledTimes(2);
    expect([breaker.state(), breaker.allowance()]).toEqual(['open', 0]);
  });

  it('allows one trial after a pause, fails other calls fast, and closes when the trial succeeds', async () => {
    const { breaker, ask, fail, askForDecision, set } = setUp();
    const closed = jest.fn();
    breaker.onClosed(closed);
    await fail(2);
    jest.advanceTimersByTime(OPEN_MS);
    expect(breaker.allowance()).toBe(1);
    let decide!: (decision: 'APPROVED') => void;
    set(() => new Promise((resolve) => (decide = resolve)));
    const probe = ask();
    expect([breaker.state(), breaker.allowance()]).toEqual(['half-open', 0]);
    await expect(ask()).rejects.toThrow(BreakerOpenError);
    decide('APPROVED');
    expect(await probe).toBe('APPROVED');
    expect(askForDecision).toHaveBeenCalledTimes(3);
    expect([breaker.state(), closed.mock.calls.length]).toEqual(['closed', 1]);
  });

  it('opens again if the trial fails', async () => {
    const { breaker, fail } = setUp();
    await fail(2);
    jest.advanceTimersByTime(OPEN_MS);
    await fail(1);
    expect([breaker.state(), breaker.allowance()]).toEqual(['open', 0]);
  });
});
