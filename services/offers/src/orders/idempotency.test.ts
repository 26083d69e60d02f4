import { recordingLogger } from '@loan-buddy/kit/testing';
import { keepSweeping } from './idempotency';

describe('keepSweeping', () => {
  it('forgets expired keys every minute, whatever goes wrong, until it is stopped', async () => {
    jest.useFakeTimers();
    try {
      const { logger, lines } = recordingLogger();
      const sweep = jest.fn<Promise<number>, []>();
      sweep.mockResolvedValueOnce(3).mockRejectedValueOnce(new Error('away')).mockResolvedValue(0);
      const stop = keepSweeping({ sweep }, logger);
      await jest.advanceTimersByTimeAsync(180_000);
      stop();
      await jest.advanceTimersByTimeAsync(180_000);
      expect(sweep).toHaveBeenCalledTimes(3);
      expect(lines).toMatchObject([{ level: 'info', forgotten: 3 }, { level: 'warn' }]);
    } finally {
      jest.useRealTimers();
    }
  });
});
