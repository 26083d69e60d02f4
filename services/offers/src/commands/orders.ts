/** `npm run orders` lists failed orders and retries them, and erases users. */
import { runCommand, UsageError } from '@loan-buddy/kit/process';
import type { Database } from '../db/database';
import { createEraseUser } from '../orders/erase-user';
import { createOrderStore } from '../orders/order-store';
import { listFailed, retryFailed } from './failed-orders';
import { withDatabase } from './with-database';

const usage = `usage: npm run orders -- list-failed
       npm run orders -- retry ORDER_ID
       npm run orders -- retry --all
       npm run orders -- erase-user USER_ID
Lists the orders that ran out of retries, or retries them. Or erases a user, for ever: their orders and events get a
random pseudonym, the rest is deleted. Uses DATABASE_URL, else the embedded database in DATA_DIR.`;

const requests = [
  'curl http://localhost:8080/failed-orders',
  'curl -X POST http://localhost:8080/failed-orders/ORDER_ID/retry',
  'curl -X POST http://localhost:8080/failed-orders/retry',
  `curl http://localhost:8080/erasures -H 'Content-Type: application/json' -d '{"user_id":"USER_ID"}'`,
];

interface Target {
  database: Database;
  print: (line: string) => void;
}

/** Returns what the arguments ask for. */
function readArguments([action, id, ...more]: string[], all = false) {
  if (action === 'list-failed' && id === undefined && !all) {
    return ({ database, print }: Target) => listFailed(createOrderStore(database.db), print);
  }
  if (action === 'erase-user') {
    if (!id || more.length > 0 || all) throw new UsageError('erase-user takes one USER_ID');
    return async ({ database, print }: Target) => {
      const { pseudonym, ...counts } = await createEraseUser(database)(id);
      print(`pseudonym: ${pseudonym ?? 'none'}`);
      for (const [name, count] of Object.entries(counts)) {
        print(
          `${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}: ${String(count)}`,
        );
      }
    };
  }
  if (action !== 'retry') throw new UsageError('expected list-failed, retry or erase-user');
  if (more.length > 0 || (id === undefined) !== all) {
    throw new UsageError('retry takes either one ORDER_ID or --all');
  }
  return ({ database, print }: Target) =>
    retryFailed(createOrderStore(database.db), id ?? '--all', print);
}

void runCommand({
  name: 'orders',
  usage,
  readsEnv: true,
  options: { all: { type: 'boolean' } },
  run: async ({ positionals, values, print }) => {
    const run = readArguments(positionals, values.all);
    await withDatabase('orders', requests, ({ database }) => run({ database, print }));
  },
});
