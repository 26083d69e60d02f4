/** `npm run orders` lists the orders that were given up, and has them asked for again. */
import { createLogger, runCommand, StartError } from '@loan-buddy/kit';
import { readDatabaseConfig } from '../config';
import { openDatabase } from '../db/database';
import { FolderInUseError } from '../db/folder-lock';
import { migrate } from '../db/migrate';
import { createOrderStore, type OrderStore } from '../orders/order-store';

const USAGE = `usage: npm run orders -- list-failed
       npm run orders -- retry ORDER_ID
       npm run orders -- retry --all`;

const PAGE = 100;

class UsageError extends StartError {
  readonly code = 'usage';
}

async function listFailed(orders: OrderStore, print: (line: string) => void): Promise<void> {
  let count = 0;
  let before: string | undefined;
  do {
    const page = await orders.listFailed({ before, limit: PAGE });
    for (const { id, createdAt, userId, offer, attempts, lastError } of page) {
      const what = `${userId} ${offer.id} ${String(offer.amount)}`;
      const why = `after ${String(attempts)} attempts: ${lastError ?? '?'}`;
      print(`${id}  ${createdAt.toISOString()}  ${what}  ${why}`);
    }
    count += page.length;
    before = page.length === PAGE ? page[PAGE - 1]?.id : undefined;
  } while (before !== undefined);
  print(`${String(count)} failed`);
}

async function retry(orders: OrderStore, id: string, print: (line: string) => void): Promise<void> {
  if (id === '--all') {
    print(`${String(await orders.redriveAll())} pending again`);
    return;
  }
  if (!(await orders.redrive(id))) throw new UsageError(`no order ${id} has failed`);
  print(`${id} is pending again`);
}

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
    await database.unhurried((db) => migrate(db));
    const orders = createOrderStore(database.db);
    await (listing ? listFailed(orders, print) : retry(orders, id!, print));
  } finally {
    await database.close();
  }
});
