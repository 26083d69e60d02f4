/** `npm run orders` lists failed orders and retries them. */
import { runCommand, UsageError } from '@loan-buddy/kit/process';
import { FolderInUseError } from '../db/folder-lock';
import { createOrderStore } from '../orders/order-store';
import { listFailed, retryFailed } from './failed-orders';
import { withDatabase } from './with-database';

const usage = `usage: npm run orders -- list-failed
       npm run orders -- retry ORDER_ID
       npm run orders -- retry --all
Lists the orders that ran out of retries, or retries them. Uses DATABASE_URL, else the embedded database in DATA_DIR.`;

/** What to retry; undefined means list. */
function target([action, id, ...more]: string[], all = false): string | undefined {
  if (action === 'list-failed' && id === undefined && !all) return undefined;
  if (action !== 'retry') throw new UsageError('expected list-failed or retry');
  if (more.length > 0 || (id === undefined) !== all) {
    throw new UsageError('retry takes either one ORDER_ID or --all');
  }
  return id ?? '--all';
}

void runCommand({
  name: 'orders',
  usage,
  options: { all: { type: 'boolean' } },
  run: async ({ positionals, values, print }) => {
    const retried = target(positionals, values.all);
    await withDatabase('orders', async ({ database }) => {
      const orders = createOrderStore(database.db);
      if (retried === undefined) await listFailed(orders, print);
      else await retryFailed(orders, retried, print);
    }).catch((error: unknown) => {
      if (!(error instanceof FolderInUseError)) throw error;
      throw new FolderInUseError(
        `${error.message}. Stop it first, or ask the running service:
  curl http://localhost:8080/failed-orders
  curl -X POST http://localhost:8080/failed-orders/ORDER_ID/retry
  curl -X POST http://localhost:8080/failed-orders/retry`,
        { cause: error },
      );
    });
  },
});
