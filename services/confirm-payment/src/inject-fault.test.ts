import timers from 'node:timers/promises';
import { createSimulateTrouble, SimulatedFailureError } from './simulate-trouble';

describe('createSimulateTrouble', () => {
  it('does nothing by default', async () => {
    await expect(
      createSimulateTrouble({ latencyMs: 0, failureRate: 0 })(),
    ).resolves.toBeUndefined();
  });

  it('fails the configured share of calls', async () => {
    const numbers = [0.1, 0.3, 0.29, 0.9];
    const random = () => numbers.shift()!;
    const simulate = createSimulateTrouble({ latencyMs: 0, failureRate: 0.3, random });
    const outcomes = await Promise.allSettled([simulate(), simulate(), simulate(), simulate()]);
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
    await createSimulateTrouble({ latencyMs: 50, failureRate: 0 })();
    expect(sleep.mock.calls.map(([ms]) => ms)).toEqual([50]);
  });
});
