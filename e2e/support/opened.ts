const opened: (() => unknown)[] = [];

/** Has something ended when the test is over, the last first. */
export function atEnd(close: () => unknown): void {
  opened.push(close);
}

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});
