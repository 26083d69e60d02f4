import { attemptDelaysMs, exponentialPauseMs, scheduledPauseMs } from './backoff';

const SECOND = 1000;
const HOUR = 3_600_000;

describe('scheduledPauseMs', () => {
  it('grows from seconds to a day, and ends after ten attempts', () => {
    const pauses = attemptDelaysMs.map((_, attempts) =>
      scheduledPauseMs(attempts, attemptDelaysMs)!,
    );
    const expected = [0, 5 * SECOND, 300 * SECOND, 0.5 * HOUR].concat(
      [2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR),
    );
    expect(pauses).toHaveLength(10);
    for (const [i, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(expected[i]! * 0.9 - 1);
      expect(pause).toBeLessThanOrEqual(expected[i]! * 1.1 + 1);
    }
    expect(scheduledPauseMs(10, attemptDelaysMs)).toBeUndefined();
    expect(scheduledPauseMs(10, attemptDelaysMs, 1000)).toBeUndefined();
  });

  it('differs from one message to the next', () => {
    const pauses = Array.from({ length: 50 }, () => scheduledPauseMs(9, attemptDelaysMs));
    expect(new Set(pauses).size).toBeGreaterThan(40);
  });

  it('is at least the requested pause', () => {
    expect(scheduledPauseMs(1, attemptDelaysMs, HOUR)).toBe(HOUR);
    expect(scheduledPauseMs(9, attemptDelaysMs, SECOND)).toBeGreaterThan(21 * HOUR);
  });
});

describe('exponentialPauseMs', () => {
  it.each([
    [1, 50, 100],
    [2, 100, 200],
    [4, 400, 800],
    [5, 500, 1000],
    [1000, 500, 1000],
  ])('after %d attempts is between %d and %d ms, and varies', (attempts, least, most) => {
    const pauses = Array.from({ length: 100 }, () =>
      exponentialPauseMs(attempts, { baseMs: 100, capMs: 1000 }),
    );
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(most);
    expect(new Set(pauses).size).toBeGreaterThan(10);
  });
});
