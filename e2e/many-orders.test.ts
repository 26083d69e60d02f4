/** The cost of requests with 100,000 orders in the table, compared with 100. */
import { CompiledQuery, sql } from 'kysely';
import type { Database } from '../services/offers/src/db/database';
import { createIdempotencyStore } from '../services/offers/src/orders/idempotency';
import { createOrderStore } from '../services/offers/src/orders/order-store';
import { anOrder } from '../services/offers/test/builders';
import { postCheckout, report } from './support/client';
import { newStorage, storageName } from './support/postgres';
import { startService } from './support/service-process';
import { withDatabase } from './support/with-database';

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

/** Returns the query plan of every statement of the stores. */
async function plans({ db }: Database): Promise<string[]> {
  const executor = db.getExecutor();
  const queries: CompiledQuery[] = [];
  // Statements built with Kysely pass here, and those sent as text pass `executeQuery`.
  const recording = db.withPlugin({
    transformQuery: ({ node, queryId }) => {
      queries.push(executor.compileQuery(node, queryId));
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  });
  recording.executeQuery = (query) => {
    queries.push(query as CompiledQuery);
    return db.executeQuery(query);
  };
  const orders = createOrderStore(recording);
  const idempotency = createIdempotencyStore(recording);
  const order = anOrder();
  await orders.insert(order, 60_000);
  await orders.find(order.id);
  await orders.listByUser('user-7', { limit: 21 });
  await orders.listByUser('user-7', { before: 'order-f', limit: 21 });
  await orders.postpone(order.id, 60_000);
  await orders.recordFailure(order.id, { reason: 'x', dueInMs: 60_000, maxAttempts: 9 });
  await orders.decide(order.id, 'APPROVED');
  await orders.claimDue(10, 60_000);
  await orders.listFailed({ limit: 21 });
  await orders.listFailed({ before: 'order-f', limit: 21 });
  await orders.retry(order.id);
  await orders.retryAll();
  await orders.countOpen();
  await idempotency.find('user-7', 'key');
  await idempotency.complete('user-7', 'key', { status: 201, body: '' });
  expect(queries).toHaveLength(17);

  const explained: string[] = [];
  for (const query of queries) {
    const explain = CompiledQuery.raw(`explain ${query.sql}`, [...query.parameters]);
    const { rows } = await db.executeQuery<{ 'QUERY PLAN': string }>(explain);
    explained.push([query.sql, ...rows.map((row) => row['QUERY PLAN'])].join('\n'));
  }
  return explained;
}

it(`requests use the indexes with 100,000 orders, on ${storageName}`, async () => {
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

  const few = await measure();
  await withDatabase(storage, async ({ db }) => {
    await sql`
      insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, decided_at)
      select 'order-' || gen_random_uuid(), 'user-' || i % 1000, 'APPROVED', now(), 'offer2', 'ProviderB',
        2.9, 12000, now()
      from generate_series(1, 100000) i`.execute(db);
    for (const status of ['PENDING', 'FAILED']) {
      await sql`
        insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, due_at)
        select 'order-' || gen_random_uuid(), 'user-' || i % 1000, ${status}, now(), 'offer2', 'ProviderB',
          2.9, 12000, case ${status} when 'PENDING' then now() + interval '1 day' end
        from generate_series(1, 1000) i`.execute(db);
      await sql`
        insert into idempotency_keys (user_id, key, fingerprint, order_id, in_flight_until, expires_at)
        select 'user-' || i % 1000, ${status} || i, 'f', 'order-' || i, now(), now() + interval '1 day'
        from generate_series(1, 10000) i`.execute(db);
    }
    await sql`analyze`.execute(db);
  });
  const many = await measure();
  report(`${storageName}, medians with some 100 orders: ${few}; with 100,000: ${many}`);

  const explained = await withDatabase(storage, plans);
  expect(explained.length).toBeGreaterThanOrEqual(8);
  for (const plan of explained) expect(plan).not.toContain('Seq Scan');
});
