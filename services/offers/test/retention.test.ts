import { sql } from 'kysely';
import request from 'supertest';
import { anOrder } from './builders';
import { useService, type Parts } from './service';
import { useDatabase } from './database';

const database = useDatabase();
const aService = useService(database);

/** Runs the sweeps; returns how many rows they deleted. */
async function swept() {
  const sendEmail = () => Promise.resolve();
  const { webhooks, emails } = aService({ NOTIFICATION_RETENTION_DAYS: 30, sendEmail });
  const { signal } = new AbortController();
  const counts: [string, number][] = [];
  for (const { rows, sweep } of [...webhooks.sweeps, ...emails.sweeps]) {
    counts.push([rows, await sweep(signal)]);
  }
  return Object.fromEntries(counts);
}

async function idsOf(table: 'webhook_deliveries' | 'email_jobs', id: string) {
  const { rows } = await sql<{ id: string }>`
    select ${sql.ref(id)} as id from ${sql.table(table)} order by 1`.execute(database().db);
  return rows.map((row) => row.id);
}

describe('the events of an order', () => {
  const sweepEvents = async (more: Parts = {}) => {
    const { sweeps } = aService({ EVENT_RETENTION_DAYS: 30, ...more });
    const found = sweeps.find(({ rows }) => rows === 'events');
    return found?.sweep(new AbortController().signal);
  };

  /** Creates an order with its events, all published and that old. */
  async function anOldOrder(days: number, decision?: 'APPROVED' | 'FAILED') {
    const { db } = database();
    const { orders } = aService();
    const order = anOrder();
    await orders.insert(order, 60_000);
    if (decision === 'APPROVED') await orders.decide(order.id, decision);
    if (decision === 'FAILED') {
      await orders.recordFailure(order.id, { reason: 'x', dueInMs: 1, maxAttempts: 1 });
    }
    await sql`
      update order_events set time = now() - ${days} * interval '1 day', published_at = now()
      where order_id = ${order.id}`.execute(db);
    return order.id;
  }
  const countOf = async (orderId: string) => (await aService().log.listByOrder(orderId)).length;

  beforeEach(async () => {
    const { db } = database();
    await sql`truncate orders, order_events, webhook_endpoints, webhook_deliveries, email_jobs`.execute(
      db,
    );
  });

  it('are deleted once the last is old, published and delivered', async () => {
    const { db } = database();
    const [deleted, failed] = [await anOldOrder(30.01, 'APPROVED'), await anOldOrder(31, 'FAILED')];
    const young = await anOldOrder(29.99, 'APPROVED');
    const pending = await anOldOrder(99);
    const halfYoung = await anOldOrder(99, 'APPROVED');
    await sql`
      update order_events set time = now() where order_id = ${halfYoung}
        and type like '%approved'`.execute(db);
    const unpublished = await anOldOrder(99, 'APPROVED');
    await sql`
      update order_events set published_at = null where order_id = ${unpublished}
        and type like '%approved'`.execute(db);
    const kept: string[] = [young, pending, halfYoung, unpublished];
    await sql`
      insert into webhook_endpoints (id, url, secret)
      values ('wh-1', 'https://example.com', 'x')`.execute(db);
    for (const status of ['pending', 'succeeded', 'failed']) {
      const id = await anOldOrder(99, 'APPROVED');
      await sql`
        update webhook_deliveries set status = ${status},
          due_at = case ${status} when 'pending' then now() end
        where data ->> 'order_id' = ${id}`.execute(db);
      if (status === 'pending') kept.push(id);
    }
    const mailed = await anOldOrder(99, 'APPROVED');
    await sql`update webhook_deliveries set status = 'failed', due_at = null`.execute(db);
    await sql`
      update webhook_deliveries set status = 'pending', due_at = now()
      where data ->> 'order_id' = ${kept.at(-1)!}`.execute(db);
    await sql`
      insert into email_jobs (event_id, order_id, type, data)
      select id, order_id, type, data from order_events where order_id = ${mailed}`.execute(db);
    kept.push(mailed);
    await anOldOrder(0, 'APPROVED');
    expect(await sweepEvents()).toBe(8);
    for (const id of kept) expect([id, await countOf(id)]).toEqual([id, id === pending ? 1 : 2]);
    for (const id of [deleted, failed]) expect(await countOf(id)).toBe(0);
  });

  it('stay for ever by default', async () => {
    const id = await anOldOrder(9999, 'APPROVED');
    await anOldOrder(0);
    expect(await sweepEvents({ EVENT_RETENTION_DAYS: 0 })).toBeUndefined();
    expect(await countOf(id)).toBe(2);
  });

  it('do not wait for publishing if none was ever published; else, unpublished ones stay', async () => {
    const { db } = database();
    const id = await anOldOrder(31, 'APPROVED');
    await sql`update order_events set published_at = null`.execute(db);
    const published = await anOldOrder(31, 'APPROVED');
    expect([await sweepEvents(), await sweepEvents()]).toEqual([0, 0]);
    expect([await countOf(id), await countOf(published)]).toEqual([2, 2]);
    await sql`update order_events set published_at = null`.execute(db);
    const [publish, close] = [() => Promise.reject(new Error('away')), () => Promise.resolve()];
    const bus = { publish, subscribe: () => undefined, close };
    expect(await sweepEvents({ EVENT_BUS: 'pubsub', bus })).toBe(0);
    expect(await sweepEvents()).toBe(4);
  });

  it('leave an order that can be read, retried, and streamed from the next event on', async () => {
    const id = await anOldOrder(31, 'FAILED');
    await anOldOrder(0);
    await sweepEvents();
    const { app, orders } = aService();
    await request(app).get(`/orders/${id}`).expect(200);
    await request(app).get(`/orders/${id}/events`).set('Last-Event-ID', '1').expect(204);
    await request(app).get('/orders/order-x/events').expect(404);
    await orders.retry(id);
    await orders.decide(id, 'APPROVED');
    const { text } = await request(app).get(`/orders/${id}/events`).expect(200);
    expect(text.match(/^event: .*$/gm)).toEqual([
      'event: com.loanbuddy.order.resubmitted',
      'event: com.loanbuddy.order.approved',
    ]);
  });
});

describe('only rows that ended 30 days ago are deleted', () => {
  it('of the webhook deliveries', async () => {
    const { db } = database();
    await sql`
      insert into webhook_endpoints (id, url, secret)
      values ('wh-1', 'https://example.com', 'x')`.execute(db);
    await sql`
      insert into webhook_deliveries
        (endpoint_id, id, type, time, data, status, due_at, created_at, last_attempt_at)
      select 'wh-1', status || ' ' || days, 'x', now(), '{}', status,
        case status when 'pending' then now() end,
        now() - interval '99 days', now() - days * interval '1 day'
      from unnest(array['pending', 'succeeded', 'failed']) status,
        unnest(array[29.99, 30]) days`.execute(db);
    expect(await swept()).toEqual({ 'webhook deliveries': 2, 'e-mail jobs': 0 });
    expect(await idsOf('webhook_deliveries', 'id')).toEqual([
      'failed 29.99',
      'pending 29.99',
      'pending 30',
      'succeeded 29.99',
    ]);
  });

  it('of the e-mail jobs', async () => {
    const { db } = database();
    await sql`
      insert into email_jobs
        (event_id, order_id, type, data, status, due_at, created_at, finished_at)
      select gen_random_uuid(), status || ' ' || days, 'x', '{}', status,
        case status when 'pending' then now() end, now() - interval '99 days',
        case when status <> 'pending' then now() - days * interval '1 day' end
      from unnest(array['pending', 'sent', 'failed', 'skipped']) status,
        unnest(array[29.99, 30]) days`.execute(db);
    expect(await swept()).toEqual({ 'webhook deliveries': 0, 'e-mail jobs': 3 });
    expect(await idsOf('email_jobs', 'order_id')).toEqual([
      'failed 29.99',
      'pending 29.99',
      'pending 30',
      'sent 29.99',
      'skipped 29.99',
    ]);
  });
});
