import { recordingLogger } from '@loan-buddy/kit/testing';
import { keepSweeping } from './keep-sweeping';

describe('keepSweeping', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('runs all sweeps every minute, despite failures, until stopped', async () => {
    const { logger, lines } = recordingLogger();
    const sweep = jest.fn<Promise<number>, []>();
    sweep.mockResolvedValueOnce(3).mockRejectedValueOnce(new Error('away')).mockResolvedValue(0);
    const other = jest.fn<Promise<number>, []>().mockResolvedValueOnce(0).mockResolvedValueOnce(2);
    const sweeps = [
      { rows: 'keys', sweep },
      { rows: 'jobs', sweep: other.mockResolvedValue(0) },
    ];
    const stop = keepSweeping(sweeps, logger);
    await jest.advanceTimersByTimeAsync(180_000);
    await stop();
    await jest.advanceTimersByTimeAsync(180_000);
    expect(sweep).toHaveBeenCalledTimes(3);
    expect(other).toHaveBeenCalledTimes(3);
    expect(lines).toMatchObject([
      { level: 'info', rows: 'keys', forgotten: 3 },
      { level: 'warn', rows: 'keys' },
      { level: 'info', rows: 'jobs', forgotten: 2 },
    ]);
  });

  it('never runs two sweeps at once, and aborts a running one on stop', async () => {
    const { logger, lines } = recordingLogger();
    const sweep = jest.fn(
      (signal: AbortSignal) =>
        new Promise<number>((resolve) => {
          signal.addEventListener('abort', () => {
            resolve(1);
          });
        }),
    );
    const stop = keepSweeping([{ rows: 'keys', sweep }], logger);
    await jest.advanceTimersByTimeAsync(180_000);
    expect(sweep).toHaveBeenCalledTimes(1);
    await stop();
    expect(lines).toMatchObject([{ level: 'info', rows: 'keys', forgotten: 1 }]);
  });
});
