/** Stops `performance.now()` for this test, which sets the time through `ms`. Timers are not affected. */
export function stopClock(): { ms: number } {
  const clock = { ms: performance.now() };
  jest.spyOn(performance, 'now').mockImplementation(() => clock.ms);
  return clock;
}

/** Advances `performance.now()` by `ms` for the rest of this test. Timers are not affected. */
export function letTimePass(ms: number): void {
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + ms);
}
