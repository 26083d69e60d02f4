/** For ts-jest: as Node.js runs the build, but in CommonJS throughout, so that the test runner needs no experimental flag. */
const tsconfig = {
  module: 'commonjs',
  moduleResolution: 'bundler',
  target: 'es2023',
  esModuleInterop: true,
  isolatedModules: true,
  allowJs: true,
};

/**
 * `npm test`: unit and whole-service tests. `e2e/jest.config.js` runs the whole system on the same settings.
 *
 * @type {import('jest').Config}
 */
module.exports = {
  testEnvironment: 'node',
  // Most of what tests do is wait: for processes, for timers, for servers.
  maxWorkers: '100%',
  // No measure of speed: it only ends a test that hangs, also on a machine that is busy with other things.
  testTimeout: 600_000,
  // Siblings are read from their sources, so that a test sees today's code and coverage counts it.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'require', 'default'] },
  testMatch: ['<rootDir>/services/*/{src,test}/**/*.test.ts'],
  transform: {
    '/@electric-sql/pglite/.*\\.cjs$': '<rootDir>/services/kit/testing/import-as-require.js',
    '\\.(ts|js)$': ['ts-jest', { transpilation: true, tsconfig }],
  },
  // jose is published as ECMAScript modules alone, and PGlite imports Node.js modules dynamically.
  transformIgnorePatterns: ['/node_modules/(?!jose/|@electric-sql/pglite/)'],
  modulePathIgnorePatterns: ['/dist/'],
  reporters: ['default', '<rootDir>/services/kit/testing/skipped-reporter.js'],
  // What only ever runs as a process of its own is tested as one, where no line is counted.
  collectCoverageFrom: ['services/*/src/**/*.ts', '!**/*.test.ts', '!services/*/src/main.ts'],
  coverageProvider: 'babel',
  coverageReporters: ['text-summary', 'lcov'],
  coverageThreshold: { global: { lines: 90 } },
  // In the project's folder, like all that tests leave.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  restoreMocks: true,
};
