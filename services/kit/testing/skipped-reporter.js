/** A Jest reporter that prints, at the end and for each suite, how many tests were not run and why. */
const { relative } = require('node:path');

/** The suffix that {@link describeUnless} and {@link itUnless} add to the name of a skipped test. */
const REASON = / \[not run: ([^\]]+)\]/;

class SkippedReporter {
  constructor({ rootDir }) {
    this.rootDir = rootDir;
  }

  onRunComplete(_contexts, { testResults }) {
    const lines = testResults.flatMap(({ testFilePath, testResults: tests }) => {
      const counts = new Map();
      for (const { status, fullName } of tests) {
        if (status !== 'pending') continue;
        const reason = REASON.exec(fullName)?.[1] ?? 'excluded on the command line';
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
      const suite = relative(this.rootDir, testFilePath);
      return [...counts].map(
        ([reason, count]) =>
          `NOT RUN: ${suite}: ${count} ${count === 1 ? 'test' : 'tests'}: ${reason}\n`,
      );
    });
    process.stderr.write(lines.sort().join(''));
  }
}

module.exports = SkippedReporter;
