import { sql } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { anOrder } from '../../test/builders';
import { useDatabase } from '../../test/database';
import { createIdempotencyStore } from './idempotency';
import { createOrderStore } from './order-store';

const database = useDatabase();
const store = () => createOrderStore(database().db);

describe('an idempotency key', () => {
  const request = (client: string) => ({
    client,
    key: 'k',
    fingerprint: 'f',
    ttlMs: 60_000,
    inFlightMs: 1000,
  });
  const keys = () => createIdempotencyStore(database().db);
  const user = () => `user-${uuidv7()}`;

  it('creates one order from many concurrent requests', async () => {
    const userId = user();
    const made = await Promise.all(
      Array.from({ length: 20 }, () => store().insert(anOrder({ userId }), 1000, request(userId))),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(await store().listByUser(userId, { limit: 10 })).toHaveLength(1);
  });

  it('belongs to one client', async () => {
    const [one, other] = [user(), user()];
    expect(await store().insert(anOrder({ userId: one }), 1000, request(one))).toBe(true);
    expect(await store().insert(anOrder({ userId: one }), 1000, request(other))).toBe(true);
    expect(await store().insert(anOrder({ userId: other }), 1000, request(one))).toBe(false);
  });

  it('keeps the first response', async () => {
    const order = anOrder({ userId: user() });
    await store().insert(order, 1000, request(order.userId));
    const known = { fingerprint: 'f', orderId: order.id };
    expect(await keys().find(order.userId, 'k')).toEqual({
      ...known,
      response: undefined,
      inFlight: true,
    });
    const response = { status: 201, body: '{"a":"ü"}' };
    expect(await keys().complete(order.userId, 'k', response)).toEqual(response);
    expect(await keys().complete(order.userId, 'k', { status: 202, body: '' })).toEqual(response);
    expect(await keys().find(order.userId, 'k')).toEqual({ ...known, response, inFlight: false });
  });

  it('is in flight no longer than its lease', async () => {
    const order = anOrder({ userId: user() });
    await store().insert(order, 1000, { ...request(order.userId), inFlightMs: -1 });
    expect(await keys().find(order.userId, 'k')).toMatchObject({ inFlight: false });
  });

  it('creates one order even under a stricter default isolation level', async () => {
    const { db } = database();
    const userId = user();
    await sql`set default_transaction_isolation = 'repeatable read'`.execute(db);
    try {
      const insert = () => store().insert(anOrder({ userId }), 1000, request(userId));
      const made = await Promise.all(Array.from({ length: 20 }, insert));
      expect(made.filter(Boolean)).toHaveLength(1);
    } finally {
      await sql`reset default_transaction_isolation`.execute(db);
    }
  });

  it('can be reused once expired, and is then deleted', async () => {
    const userId = user();
    const expired = { ...request(userId), ttlMs: -1 };
    await store().insert(anOrder({ userId }), 1000, expired);
    expect(await keys().find(userId, 'k')).toBeUndefined();
    expect(await store().insert(anOrder({ userId }), 1000, request(userId))).toBe(true);
    await store().insert(anOrder(), 1000, { ...expired, client: user() });
    expect(await keys().sweep()).toBe(1);
    expect(await keys().find(userId, 'k')).toBeDefined();
  });
});
