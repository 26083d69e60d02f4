/** For ts-jest: like the build, but all CommonJS, so that the test runner needs no experimental flag. */
const tsconfig = {
  module: 'commonjs',
  moduleResolution: 'bundler',
  target: 'es2023',
  esModuleInterop: true,
  isolatedModules: true,
  allowJs: true,
};

/**
 * `npm test`: unit and whole-service tests. `e2e/jest.config.js` runs the whole system with the same settings.
 *
 * @type {import('jest').Config}
 */
module.exports = {
  testEnvironment: 'node',
  // Tests mostly wait: for processes, timers and servers.
  maxWorkers: '100%',
  // Not a measure of speed: it only ends a test that hangs, even on a busy machine.
  testTimeout: 600_000,
  // Reads sibling packages from their sources, so that a test sees the current code and coverage counts it.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'require', 'default'] },
  testMatch: ['<rootDir>/services/*/{src,test}/**/*.test.ts'],
  transform: {
    '/@electric-sql/pglite/.*\\.cjs$': '<rootDir>/services/kit/testing/import-as-require.js',
    '\\.(ts|js)$': ['ts-jest', { transpilation: true, tsconfig }],
  },
  // jose is published only as ECMAScript modules, and PGlite imports Node.js modules dynamically.
  transformIgnorePatterns: ['/node_modules/(?!jose/|@electric-sql/pglite/)'],
  modulePathIgnorePatterns: ['/dist/'],
  reporters: ['default', '<rootDir>/services/kit/testing/skipped-reporter.js'],
  // Code that only runs as its own process is tested as one, and coverage cannot count its lines.
  collectCoverageFrom: ['services/*/src/**/*.ts', '!**/*.test.ts', '!services/*/src/main.ts'],
  coverageProvider: 'babel',
  coverageReporters: ['text-summary', 'lcov'],
  coverageThreshold: { global: { lines: 90 } },
  // Inside the project, like everything that tests leave behind.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  restoreMocks: true,
};
