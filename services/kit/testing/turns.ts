/**
 * Waits for a number of turns of the event loop. By then, this process has received and handled whatever it sent to
 * itself, however slow the machine. For tests that something does not happen.
 */
export async function turns(count = 100): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}
