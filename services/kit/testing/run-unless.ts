/**
 * `describe`, unless there is a reason not to run it: then its tests are skipped, and the reason is printed at the end
 * of the run (see `skipped-reporter.js`).
 */
export function describeUnless(reason: string | undefined) {
  return (name: string, define: () => void): void => {
    if (reason === undefined) describe(name, define);
    else describe.skip(named(name, reason), define);
  };
}

/** `it`, unless there is a reason not to run it, which is printed at the end of the run. */
export function itUnless(reason: string | undefined) {
  return (name: string, test: () => Promise<void>): void => {
    if (reason === undefined) it(name, test);
    else it.skip(named(name, reason), test);
  };
}

const named = (name: string, reason: string) => `${name} [not run: ${reason}]`;
