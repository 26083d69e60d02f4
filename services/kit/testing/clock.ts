/** Stops `performance.now()` for this test, which sets the time through `ms`. Timers are not affected. */
export function stopClock(): { ms: number } {
  // Whole milliseconds: of a fraction, 7000 more may be 6999.999… later.
  const clock = { ms: Math.round(performance.now()) };
  jest.spyOn(performance, 'now').mockImplementation(() => clock.ms);
  return clock;
}

/** Advances `performance.now()` by `ms` for the rest of this test. Timers are not affected. */
export function letTimePass(ms: number): void {
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + ms);
}
