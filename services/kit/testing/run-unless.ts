/**
 * Like `describe`, but skips the tests if there is a reason, which is printed at the end of the run (see
 * `skipped-reporter.js`).
 */
export function describeUnless(reason: string | undefined) {
  return (name: string, define: () => void): void => {
    if (reason === undefined) describe(name, define);
    else describe.skip(named(name, reason), define);
  };
}

/** Like `it`, but skips the test if there is a reason, which is printed at the end of the run. */
export function itUnless(reason: string | undefined) {
  return (name: string, test: () => Promise<void>): void => {
    if (reason === undefined) it(name, test);
    else it.skip(named(name, reason), test);
  };
}

const named = (name: string, reason: string) => `${name} [not run: ${reason}]`;
