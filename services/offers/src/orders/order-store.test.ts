import { sql } from 'kysely';
import { anOrder } from '../../test/builders';
import { useDatabase } from '../../test/database';
import { DatabaseUnavailableError } from '../db/unavailable';
import { createOrderStore } from './order-store';
import type { Order } from '../domain/order';

const database = useDatabase();
const store = () => createOrderStore(database().db);

async function inserted(overrides: Partial<Order> = {}, dueInMs = 60_000): Promise<Order> {
  const order = anOrder(overrides);
  await store().insert(order, dueInMs);
  return order;
}

async function failed(): Promise<Order> {
  const { id } = await inserted();
  return store().recordFailure(id, { reason: 'no response', dueInMs: 1, maxAttempts: 1 });
}

afterEach(async () => {
  await database().db.deleteFrom('orders').execute();
});

describe('an order', () => {
  it('is stored unchanged', async () => {
    const order = await inserted({ userId: 'Zoë 🏦', offer: anOrder().offer });
    expect(await store().find(order.id)).toEqual(order);
    expect(await store().find('order-0')).toBeUndefined();
  });

  it('stores every number exactly', async () => {
    const offer = { id: 'o', provider: 'P', rate: 0.1 + 0.2, amount: 123_456_789.01 };
    const { id } = await inserted({ offer });
    expect((await store().find(id))?.offer).toEqual(offer);
  });

  it('never changes after its decision', async () => {
    const { id } = await inserted();
    expect(await store().decide(id, 'REJECTED')).toMatchObject({ status: 'REJECTED' });
    for (const change of [
      store().decide(id, 'APPROVED'),
      store().postpone(id, 1),
      store().recordFailure(id, { reason: 'late', dueInMs: 1, maxAttempts: 9 }),
      store().recordFailure(id, { reason: 'late', dueInMs: 1, maxAttempts: 1 }),
    ]) {
      expect(await change).toMatchObject({ status: 'REJECTED', attempts: 0 });
    }
    expect(await store().retry(id)).toBeUndefined();
    expect(await store().claimDue(10, 1000)).toEqual([]);
  });

  it.each(['APPROVED', 'REJECTED'] as const)(
    'cannot leave %s by any statement at all',
    async (decision) => {
      const { id } = await inserted();
      await store().decide(id, decision);
      const other = decision === 'APPROVED' ? 'REJECTED' : 'APPROVED';
      for (const status of [other, 'PENDING', 'FAILED']) {
        const change = sql`update orders set status = ${status}, due_at =
          ${status === 'PENDING' ? sql`now()` : null} where id = ${id}`;
        await expect(change.execute(database().db)).rejects.toThrow(/cannot become/);
      }
    },
  );

  it('keeps one of many concurrent decisions', async () => {
    const { id } = await inserted();
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store().decide(id, i % 2 ? 'APPROVED' : 'REJECTED')),
    );
    expect(new Set(seen.map(({ status }) => status)).size).toBe(1);
  });

  it('that does not exist cannot be decided', async () => {
    await expect(store().decide('order-0', 'APPROVED')).rejects.toThrow('order-0');
  });
});

describe('claimDue', () => {
  it('claims due orders, longest waiting first, and none again before its lease ends', async () => {
    const late = await inserted({}, -1000);
    const later = await inserted({}, -2000);
    await inserted({}, 60_000);
    const first = await store().claimDue(1, 60_000);
    expect(first.map(({ id }) => id)).toEqual([later.id]);
    expect((await store().claimDue(10, 60_000)).map(({ id }) => id)).toEqual([late.id]);
    expect(await store().claimDue(10, 60_000)).toEqual([]);
    // As if a minute had passed for this order.
    await sql`update orders set due_at = due_at - interval '60 s' where id = ${late.id}`.execute(
      database().db,
    );
    expect((await store().claimDue(10, 60_000)).map(({ id }) => id)).toEqual([late.id]);
  });

  it('gives each order to one of many concurrent claimants', async () => {
    for (let i = 0; i < 40; i++) await inserted({}, -1);
    const claims = await Promise.all(Array.from({ length: 8 }, () => store().claimDue(10, 60_000)));
    const ids = claims.flat().map(({ id }) => id);
    expect(ids).toHaveLength(new Set(ids).size);
    expect(ids.length + (await store().claimDue(100, 60_000)).length).toBe(40);
  });

  it('counts only failures as attempts', async () => {
    const { id } = await inserted({}, -1);
    const failure = { reason: 'no response', dueInMs: -1, maxAttempts: 3 };
    expect(await store().recordFailure(id, failure)).toMatchObject({ attempts: 1 });
    expect(await store().postpone(id, -1)).toMatchObject({ attempts: 1 });
    expect(await store().claimDue(1, 1)).toMatchObject([{ id, attempts: 1 }]);
    expect(await store().recordFailure(id, failure)).toMatchObject({ status: 'PENDING' });
    expect(await store().recordFailure(id, failure)).toMatchObject({
      status: 'FAILED',
      attempts: 3,
    });
  });
});

describe('a failed order', () => {
  it('is listed with its reason, newest first, page by page', async () => {
    const orders = [await failed(), await failed(), await failed()];
    const ids = orders.map(({ id }) => id).reverse();
    const page = await store().listFailed({ limit: 2 });
    expect(page).toMatchObject([
      { id: ids[0], status: 'FAILED', lastError: 'no response', attempts: 1 },
      { id: ids[1] },
    ]);
    const nextPage = await store().listFailed({ before: ids[1], limit: 2 });
    expect(nextPage.map(({ id }) => id)).toEqual([ids[2]]);
  });

  it('is due again with no attempts after a retry', async () => {
    const { id } = await failed();
    expect(await store().claimDue(10, 1)).toEqual([]);
    expect(await store().retry(id)).toMatchObject({ status: 'PENDING', attempts: 0 });
    expect(await store().claimDue(10, 1)).toMatchObject([{ id }]);
    expect(await store().retry(id)).toBeUndefined();
  });

  it('is retried with all others', async () => {
    await failed();
    await failed();
    const { id } = await inserted();
    await store().decide(id, 'APPROVED');
    expect(await store().retryAll()).toBe(2);
    expect(await store().listFailed({ limit: 10 })).toEqual([]);
  });

  it('cannot be decided without a retry', async () => {
    const { id } = await failed();
    expect(await store().decide(id, 'APPROVED')).toMatchObject({ status: 'FAILED' });
  });
});

/** Failed orders with ascending ids. */
async function insertFailed(count: number): Promise<void> {
  await sql`
    insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount)
    select 'order-' || lpad(i::text, 6, '0'), 'u', 'FAILED', now(), 'o', 'P', 2.9, 12000
    from generate_series(1, ${count}::int) i`.execute(database().db);
}

/** Runs these statements after each statement that changes orders, before it commits. */
async function afterEachChange(statements: string): Promise<void> {
  const { db } = database();
  await sql`
    create or replace function after_each_change() returns trigger language plpgsql as $$
    begin ${sql.raw(statements)} return null; end $$`.execute(db);
  await sql`
    create or replace trigger after_each_change after update on orders
    referencing new table as changed for each statement execute function after_each_change()`.execute(
    db,
  );
}

describe('more failed orders than a statement can change', () => {
  const timeout = `raise exception 'canceling statement due to timeout' using errcode = '57014';`;
  const limited = `if (select count(*) from changed) > 1000 then ${timeout} end if;`;
  afterEach(() => sql`drop function after_each_change cascade`.execute(database().db));

  it('are retried in batches, oldest first, and each finished batch stays retried', async () => {
    await insertFailed(2500);
    await afterEachChange(
      `${limited} if exists (select from changed where id > 'order-002000') then ${timeout} end if;`,
    );
    await expect(store().retryAll()).rejects.toThrow(DatabaseUnavailableError);
    expect((await store().countOpen()).failed).toBe(500);
    expect(await store().find('order-002000')).toMatchObject({ status: 'PENDING' });
    await afterEachChange(limited);
    expect(await store().retryAll()).toBe(500);
    expect(await store().countOpen()).toMatchObject({ pending: 2500, failed: 0 });
  });

  it('are each retried once, even by concurrent callers', async () => {
    await insertFailed(2500);
    await afterEachChange(limited);
    const counts = await Promise.all([store().retryAll(), store().retryAll()]);
    expect(counts[0] + counts[1]).toBe(2500);
    expect(await store().countOpen()).toMatchObject({ pending: 2500, failed: 0 });
  });

  it('excludes orders that fail in the meantime', async () => {
    await insertFailed(2500);
    await afterEachChange(`
      insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount)
      select 'order-' || i || ' ' || (select min(id) from changed), 'u', 'FAILED', now(), 'o', 'P', 1, 1
      from generate_series(1, 2) i where (select count(*) from changed) > 0;
      ${limited}`);
    expect(await store().retryAll()).toBe(2500);
    expect((await store().countOpen()).failed).toBe(6);
  });
});

describe('listByUser', () => {
  it('returns only that user’s orders, newest first', async () => {
    const own = [await inserted({ userId: 'a' }), await inserted({ userId: 'a' })];
    await inserted({ userId: 'b' });
    const listed = await store().listByUser('a', { limit: 10 });
    expect(listed.map(({ id }) => id)).toEqual(own.map(({ id }) => id).reverse());
  });
});

describe('onDecided', () => {
  it('is called once for each decision, and not for orders already decided or failed', async () => {
    const onDecided = jest.fn();
    const notifying = createOrderStore(database().db, { onDecided });
    const [one, failed] = [anOrder(), anOrder()];
    for (const order of [one, failed]) await notifying.insert(order, 60_000);
    await notifying.recordFailure(failed.id, { reason: 'x', dueInMs: 0, maxAttempts: 1 });
    await Promise.all([1, 2, 3].map(() => notifying.decide(one.id, 'APPROVED')));
    await notifying.decide(one.id, 'REJECTED');
    await notifying.decide(failed.id, 'APPROVED');
    expect(onDecided.mock.calls).toEqual([
      [expect.objectContaining({ id: one.id, status: 'APPROVED' })],
    ]);
  });
});
