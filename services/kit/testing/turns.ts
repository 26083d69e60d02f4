/**
 * Lets the event loop go round. Whatever this process sends itself has arrived by then and what follows from it is done,
 * however slow the machine: for tests of what does not happen.
 */
export async function turns(count = 100): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}
