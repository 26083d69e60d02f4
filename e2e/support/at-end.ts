const opened: (() => unknown)[] = [];

/** Registers a cleanup for the end of the test. Cleanups run in reverse order. */
export function atEnd(close: () => unknown): void {
  opened.push(close);
}

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});
