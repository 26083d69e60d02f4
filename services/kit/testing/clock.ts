/** Stops `performance.now()` for this test, which sets the time by `ms`. Timers are not affected. */
export function stopClock(): { ms: number } {
  // Whole milliseconds: adding 7000 to a fraction may look like 6999.999….
  const clock = { ms: Math.round(performance.now()) };
  jest.spyOn(performance, 'now').mockImplementation(() => clock.ms);
  return clock;
}

/** Advances `performance.now()` by `ms` for the rest of this test. Timers are not affected. */
export function letTimePass(ms: number): void {
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + ms);
}
