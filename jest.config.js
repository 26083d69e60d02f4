/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // Most of what tests do is wait: for processes, for timers, for servers.
  maxWorkers: '100%',
  // On a machine that is busy with other things, too. What must be quick measures that itself.
  testTimeout: 30_000,
  // Siblings are read from their sources, so that a test sees today's code and coverage counts it.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'require', 'default'] },
  testMatch: ['<rootDir>/services/*/{src,test}/**/*.test.ts', '<rootDir>/e2e/**/*.test.ts'],
  transform: { '\\.ts$': ['ts-jest', { transpilation: true }] },
  modulePathIgnorePatterns: ['/dist/'],
  // What only ever runs as a process of its own is tested as one, where no line is counted.
  collectCoverageFrom: ['services/*/src/**/*.ts', '!**/*.test.ts', '!services/*/src/main.ts'],
  coverageProvider: 'babel',
  coverageReporters: ['text-summary', 'lcov'],
  coverageThreshold: { global: { lines: 90 } },
  restoreMocks: true,
};
