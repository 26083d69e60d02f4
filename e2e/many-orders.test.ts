/** What 100,000 orders in the table cost beside 100. */
import { recordingLogger } from '@loan-buddy/kit/testing';
import { CompiledQuery, sql, type KyselyPlugin, type RootOperationNode } from 'kysely';
import { openDatabase, type Database } from '../services/offers/src/db/database';
import { createOrderStore } from '../services/offers/src/orders/order-store';
import { postCheckout, report } from './support/client';
import { newStorage, storageName } from './support/postgres';
import { startService } from './support/service-process';

jest.setTimeout(180_000);

const ROUNDS = 200;

async function medianMs(work: () => Promise<Response>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const startedAt = performance.now();
    const response = await work();
    await response.text();
    expect(response.status).toBeLessThan(300);
    times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b)[ROUNDS / 2]!;
}

/** The statements of the order store and how the database would go about each. */
async function plans(database: Database): Promise<string[]> {
  const nodes: RootOperationNode[] = [];
  const recorder: KyselyPlugin = {
    transformQuery: ({ node }) => {
      nodes.push(node);
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  };
  const orders = createOrderStore(database.db.withPlugin(recorder));
  await orders.find('order-0');
  await orders.listByUser('user-7', { limit: 21 });
  await orders.listByUser('user-7', { before: 'order-f', limit: 21 });
  await orders.claimDue(10, 1000);
  await orders.listFailed({ limit: 21 });
  await orders.redrive('order-0');
  await orders.postpone('order-0', 1).catch(() => undefined);
  await orders.decide('order-0', 'APPROVED').catch(() => undefined);
  const executor = database.db.getExecutor();
  const explained: string[] = [];
  for (const node of nodes) {
    const query = executor.compileQuery(node, { queryId: 'explain' });
    const explain = CompiledQuery.raw(`explain ${query.sql}`, [...query.parameters]);
    const { rows } = await database.db.executeQuery<{ 'QUERY PLAN': string }>(explain);
    explained.push([query.sql, ...rows.map((row) => row['QUERY PLAN'])].join('\n'));
  }
  return explained;
}

it(`cost the same per request on ${storageName}, by the indexes`, async () => {
  const confirmPayment = await startService('confirm-payment');
  const storage = await newStorage();
  const measure = async (): Promise<string> => {
    const offers = await startService('offers', {
      ...storage,
      CONFIRM_PAYMENT_URL: confirmPayment.url,
    });
    const buy = () => postCheckout(offers.url, { user_id: 'user-7', loan_id: 'offer2' });
    await medianMs(buy);
    const checkoutMs = await medianMs(buy);
    const listMs = await medianMs(() => fetch(`${offers.url}/orders?user_id=user-7`));
    offers.kill('SIGTERM');
    await offers.exit;
    return `checkout ${checkoutMs.toFixed(2)} ms, GET /orders ${listMs.toFixed(2)} ms`;
  };
  const withDatabase = async <T>(work: (database: Database) => Promise<T>): Promise<T> => {
    const database = await openDatabase(
      {
        DATABASE_URL: storage['DATABASE_URL'] === '' ? undefined : storage['DATABASE_URL'],
        DATA_DIR: storage['DATA_DIR'] ?? '',
        DATABASE_POOL_SIZE: 2,
        DATABASE_TIMEOUT_MS: 60_000,
      },
      recordingLogger().logger,
    );
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  };

  const few = await measure();
  await withDatabase(async ({ db }) => {
    await sql`
      insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, decided_at)
      select 'order-' || gen_random_uuid(), 'user-' || i % 1000, 'APPROVED', now(), 'offer2', 'ProviderB',
        2.9, 12000, now()
      from generate_series(1, 100000) i`.execute(db);
    await sql`analyze orders`.execute(db);
  });
  const many = await measure();
  report(`${storageName}, medians with some 100 orders: ${few}; with 100,000: ${many}`);

  const explained = await withDatabase(plans);
  expect(explained.length).toBeGreaterThanOrEqual(8);
  for (const plan of explained) expect(plan).not.toContain('Seq Scan');
});
