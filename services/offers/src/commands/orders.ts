/** `npm run orders` lists the orders that were given up, and has them asked for again. */
import { createLogger, runCommand, UsageError } from '@loan-buddy/kit';
import { readDatabaseConfig } from '../config';
import { openDatabase } from '../db/database';
import { FolderInUseError } from '../db/folder-lock';
import { migrate } from '../db/migrate';
import { createOrderStore } from '../orders/order-store';
import { listFailed, retryFailed } from './failed-orders';

const USAGE = `usage: npm run orders -- list-failed
       npm run orders -- retry ORDER_ID
       npm run orders -- retry --all`;

void runCommand('orders', async (print) => {
  const [command, id, ...more] = process.argv.slice(2);
  const listing = command === 'list-failed' && id === undefined;
  const retrying = command === 'retry' && id !== undefined && more.length === 0;
  if (!listing && !retrying) throw new UsageError(USAGE);
  const config = readDatabaseConfig(process.env);
  const logger = createLogger({ service: 'orders', level: 'warn' });
  const database = await openDatabase(config, logger).catch((error: unknown) => {
    if (!(error instanceof FolderInUseError)) throw error;
    throw new UsageError(
      `${error.message}. Stop it first, or ask the running service:
  curl http://localhost:8080/failed-orders
  curl -X POST http://localhost:8080/failed-orders/ORDER_ID/retry
  curl -X POST http://localhost:8080/failed-orders/retry`,
      { cause: error },
    );
  });
  try {
    await database.withoutStatementTimeout((db) => migrate(db));
    const orders = createOrderStore(database.db);
    if (listing) await listFailed(orders, print);
    else await retryFailed(orders, id!, print);
  } finally {
    await database.close();
  }
});
