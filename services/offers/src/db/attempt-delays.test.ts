import { attemptDelaysMs, pauseAfter } from './attempt-delays';

const SECOND = 1000;
const HOUR = 3_600_000;

describe('pauseAfter', () => {
  it('grows from seconds to a day, and ends after ten attempts', () => {
    const pauses = attemptDelaysMs.map((_, attempts) => pauseAfter(attempts, attemptDelaysMs)!);
    const expected = [0, 5 * SECOND, 300 * SECOND, 0.5 * HOUR].concat(
      [2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR),
    );
    expect(pauses).toHaveLength(10);
    for (const [i, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(expected[i]! * 0.9 - 1);
      expect(pause).toBeLessThanOrEqual(expected[i]! * 1.1 + 1);
    }
    expect(pauseAfter(10, attemptDelaysMs)).toBeUndefined();
    expect(pauseAfter(10, attemptDelaysMs, 1000)).toBeUndefined();
  });

  it('differs from one message to the next', () => {
    const pauses = Array.from({ length: 50 }, () => pauseAfter(9, attemptDelaysMs));
    expect(new Set(pauses).size).toBeGreaterThan(40);
  });

  it('is at least the requested pause', () => {
    expect(pauseAfter(1, attemptDelaysMs, HOUR)).toBe(HOUR);
    expect(pauseAfter(9, attemptDelaysMs, SECOND)).toBeGreaterThan(21 * HOUR);
  });
});
