/**
 * Waits for a number of turns of the event loop. By then, this process has handled everything it sent to itself, even
 * on a slow machine. Use it to test that something does not happen.
 */
export async function eventLoopTurns(count = 100): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}
