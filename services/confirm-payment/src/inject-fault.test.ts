import timers from 'node:timers/promises';
import { createInjectFault, SimulatedFailureError } from './inject-fault';

describe('createInjectFault', () => {
  it('does nothing by default', async () => {
    await expect(createInjectFault({ latencyMs: 0, failureRate: 0 })()).resolves.toBeUndefined();
  });

  it('fails the configured share of calls', async () => {
    const numbers = [0.1, 0.3, 0.29, 0.9];
    const random = () => numbers.shift()!;
    const injectFault = createInjectFault({ latencyMs: 0, failureRate: 0.3, random });
    const outcomes = await Promise.allSettled([
      injectFault(),
      injectFault(),
      injectFault(),
      injectFault(),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(outcomes[0]).toMatchObject({ reason: expect.any(SimulatedFailureError) as Error });
  });

  it('waits for the configured time', async () => {
    const sleep = jest.spyOn(timers, 'setTimeout').mockResolvedValue(undefined);
    await createInjectFault({ latencyMs: 50, failureRate: 0 })();
    expect(sleep.mock.calls.map(([ms]) => ms)).toEqual([50]);
  });
});
