const opened: (() => Promise<unknown> | void)[] = [];

/** Has something ended when the test is over, the last first. */
export function atEnd(close: () => Promise<unknown> | void): void {
  opened.push(close);
}

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});
