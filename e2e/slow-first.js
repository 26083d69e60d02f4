const { basename } = require('node:path');
const Sequencer = require('@jest/test-sequencer').default;

/** The slowest test files, the slowest first. The time on the slower of the two databases counts. */
const SLOW = [
  'documented-commands',
  'orders',
  'asynchronous',
  'batches',
  'launcher',
  'docs-page',
  'export',
  'overload',
  'processes',
  'postgres',
  'redelivery',
];

/** Starts slow files first. In a new clone, Jest goes by file size, and the last file may run for minutes on its own. */
class SlowFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const place = SLOW.indexOf(basename(path, '.test.ts'));
      return place < 0 ? SLOW.length : place;
    };
    return super.sort(tests).sort((one, other) => rank(one) - rank(other));
  }
}

module.exports = SlowFirst;
