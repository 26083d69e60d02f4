const { availableParallelism } = require('node:os');
const { join } = require('node:path');
const base = require('../jest.config');

/**
 * `npm run test:e2e`: the built services as processes, the chart, and the rules of the repository.
 *
 * @type {import('jest').Config}
 */
module.exports = {
  ...base,
  rootDir: join(__dirname, '..'),
  // They wait more than the unit tests do: with as many as cores, a third of the CPU time is idle.
  maxWorkers: Math.ceil(1.5 * availableParallelism()),
  // Some tests kill and restart a service dozens of times.
  testTimeout: 1_800_000,
  testSequencer: join(__dirname, 'slow-first.js'),
  testMatch: ['<rootDir>/{e2e,bench}/**/*.test.ts'],
};
