import { createHash } from 'node:crypto';
import { itUnless, until } from '@loan-buddy/kit/testing';
import { sql, type RawBuilder } from 'kysely';
import request from 'supertest';
import { UndecidedError } from '../src/approval/payment-client';
import { anOrder } from './builders';
import { useService } from './service';
import { useDatabase, withoutServer } from './database';

const database = useDatabase();
const aService = useService(database);

const USER = 'cristina "the user" é';
const EMAIL = 'her.address@example.com';

/** All rows of all tables, as text. */
async function everything() {
  const { db } = database();
  const tables = await sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'public'`.execute(
    db,
  );
  const dumps = await Promise.all(
    tables.rows.map(({ name }) =>
      sql<{ row: string }>`select to_jsonb(t)::text as row from ${sql.table(name)} t`.execute(db),
    ),
  );
  return dumps.flatMap(({ rows }) => rows.map(({ row }) => row));
}

async function sums() {
  const { rows } = await sql`
    select status, count(*)::int, sum(amount), (
      select count(*)::int from order_events e where e.data ->> 'status' = o.status) as events
    from orders o group by status order by status`.execute(database().db);
  return rows;
}

const erase = (app: Parameters<typeof request>[0], userId = USER) =>
  request(app).post('/erasures').send({ user_id: userId });

describe('erasing a user', () => {
  it('leaves no trace of them, the sums, and the traces of other users', async () => {
    const { db } = database();
    const service = aService();
    const { app } = service;
    await sql`
      insert into webhook_endpoints (id, url, secret)
      values ('wh-1', 'https://example.com', 'x')`.execute(db);
    const buy = (body: object, key?: string) => {
      const checkout = request(app)
        .post('/checkout')
        .send({ loan_id: 'offer2', ...body });
      return key === undefined ? checkout : checkout.set('Idempotency-Key', key);
    };
    for (const user_id of [USER, 'another user']) {
      await buy({ user_id, email: EMAIL.replace('her', user_id === USER ? 'her' : 'his') }, 'k-1');
      await buy({ user_id });
    }
    // An operator's own key, for an order of the user.
    await sql`update idempotency_keys set user_id = 'operator' where user_id = ${USER}`.execute(db);
    await buy({ user_id: USER }, 'k-2');
    const failing = aService({ askForDecision: () => Promise.reject(new UndecidedError('x')) });
    const pending = await request(failing.app)
      .post('/checkout')
      .set('traceparent', '00-132332461b6582ef91ac14995a21d1dd-63320a7d3296e767-01')
      .send({ user_id: USER, loan_id: 'offer2', email: EMAIL })
      .expect(202);
    await sql`update order_events set published_at = now() where seq % 2 = 0`.execute(db);
    const key = createHash('sha256').update(`writes subject ${USER}`).digest('base64url');
    await sql`
      insert into rate_limit_usage values (${key}, 1, 1, now() + interval '1 minute')`.execute(db);
    const before = await sums();
    const others = (await everything()).filter((row) => row.includes('another user'));

    const { body } = await erase(app).expect(200);
    expect(body).toEqual({
      pseudonym: expect.stringMatching(/^erased-[0-9a-f-]{36}$/) as string,
      orders: 4,
      events: 7,
      webhook_deliveries: 3,
      emails: 1,
      idempotency_keys: 2,
      rate_limits: 1,
    });
    const after = await everything();
    const text = after.join('\n');
    expect(text).not.toContain('the user');
    expect(text).not.toContain(EMAIL);
    expect(text).not.toContain('132332461b6582ef91ac14995a21d1dd');
    expect(after.filter((row) => row.includes('another user')).sort()).toEqual(others.sort());
    expect(await sums()).toEqual(before);
    expect(JSON.stringify([...service.lines, ...failing.lines])).not.toContain('the user');

    // The pending order will be decided, without an e-mail.
    const { id } = pending.body as { id: string };
    await service.orders.decide(id, 'REJECTED');
    const { pseudonym } = body as { pseudonym: string };
    const order = await request(app).get(`/orders/${id}`).expect(200);
    expect(order.body).toMatchObject({ status: 'REJECTED', user_id: pseudonym });
    const { text: events } = await request(app).get(`/orders/${id}/events`).expect(200);
    expect(events.split(pseudonym)).toHaveLength(3);
    expect((await everything()).join('\n')).not.toContain(EMAIL);
  });

  it('finds nothing the second time', async () => {
    const { app, lines } = aService();
    const { body } = await erase(app).expect(200);
    expect(body).toEqual({
      pseudonym: null,
      orders: 0,
      events: 0,
      webhook_deliveries: 0,
      emails: 0,
      idempotency_keys: 0,
      rate_limits: 0,
    });
    const audits = lines.filter(({ msg }) => msg === 'audit').map(({ audit }) => audit);
    expect(audits).toMatchObject([{ method: 'POST', path: '/erasures', outcome: 'done' }]);
  });

  it('leaves each order of a concurrent checkout with all or none of its traces', async () => {
    const { app } = aService();
    const user_id = 'in a hurry';
    const buy = (i: number) =>
      request(app)
        .post('/checkout')
        .set('Idempotency-Key', `hurry-${String(i)}`)
        .send({ user_id, loan_id: 'offer2', email: EMAIL });
    const checkouts = Array.from({ length: 30 }, (_, i) => buy(i).expect(201));
    const erasures = [1, 2, 3].map(() => erase(app, user_id).expect(200));
    await Promise.all([...checkouts, ...erasures]);
    const { rows } = await sql`
      select o.id from orders o where o.user_id like 'erased-%' and (
        exists (select from email_jobs j where j.order_id = o.id)
        or exists (select from idempotency_keys k where k.order_id = o.id)
        or exists (
          select from order_events e
          where e.order_id = o.id and e.data ->> 'user_id' <> o.user_id))`.execute(database().db);
    expect(rows).toEqual([]);
    await erase(app, user_id).expect(200);
    expect((await everything()).join('\n')).not.toContain(user_id);
  });

  /** Waits until a statement waits for a lock. */
  const untilLocked = () =>
    until(async () => {
      const { rows } = await sql`
        select from pg_stat_activity
        where wait_event_type = 'Lock' and datname = current_database()`.execute(database().db);
      return rows.length > 0;
    });

  /** Erases a user while `lock` locks a row of theirs. Returns the rows that `free` finds meanwhile. */
  async function eraseDuring(lock: RawBuilder<unknown>, free: RawBuilder<object>, user: string) {
    const { db } = database();
    const { app } = aService();
    const { status, rows } = await db.transaction().execute(async (trx) => {
      await lock.execute(trx);
      const status = erase(app, user).then((response) => response.status);
      await untilLocked();
      return { status, rows: (await free.execute(db)).rows };
    });
    expect(await status).toBe(200);
    return rows;
  }

  itUnless(withoutServer)('locks the events in the order that publishing does', async () => {
    const { orders, log } = aService();
    const user = 'published meanwhile';
    const theirs = Array.from({ length: 50 }, () => anOrder({ userId: user })).reverse();
    for (const order of theirs) await orders.insert(order, 60_000);
    const [first] = await log.listByOrder(theirs[0]!.id);
    const free = await eraseDuring(
      sql`select from order_events where seq = ${first!.seq} for update`,
      sql`select seq from order_events where data ->> 'user_id' = ${user} for update skip locked`,
      user,
    );
    expect(free).toHaveLength(49);
  });

  itUnless(withoutServer)('is repeated after a deadlock', async () => {
    const { db } = database();
    const { app, orders } = aService();
    const user = 'delivered meanwhile';
    const order = anOrder({ userId: user });
    await sql`
      insert into webhook_endpoints (id, url, secret, enabled) values ('e', 'http://x', 's', true)`.execute(
      db,
    );
    await orders.insert(order, 60_000);
    await orders.decide(order.id, 'APPROVED');
    let status: Promise<number>;
    await db.transaction().execute(async (trx) => {
      await sql`select from webhook_deliveries where endpoint_id = 'e' for update`.execute(trx);
      status = erase(app, user).then((response) => response.status);
      await untilLocked();
      // The erasure holds it and waits for the delivery: PostgreSQL ends the one that waited first.
      await sql`select from orders where id = ${order.id} for update`.execute(trx);
    });
    expect(await status!).toBe(200);
    expect(await orders.find(order.id)).toMatchObject({
      userId: expect.stringMatching(/^erased-/) as unknown,
    });
  });

  itUnless(withoutServer)('locks the keys in the order that batches do', async () => {
    const { orders } = aService();
    const user = 'repeated meanwhile';
    for (const key of ['b', 'c', 'a']) {
      const request = { client: user, key, fingerprint: 'f', ttlMs: 60_000, inFlightMs: 0 };
      await orders.insert(anOrder({ userId: user }), 60_000, request);
    }
    const free = await eraseDuring(
      sql`select from idempotency_keys where user_id = ${user} and key = 'c' for update`,
      sql`select key from idempotency_keys where user_id = ${user} for update skip locked`,
      user,
    );
    expect(free).toEqual([]);
  });
});
