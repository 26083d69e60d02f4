import { recordingLogger } from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import { anOrder } from '../../test/builders';
import { useDatabase } from '../../test/database';
import { createEventLog } from '../events/event-log';
import { isFinalEvent, type OrderEvent } from '../domain/order-event';
import { createOrderStore } from '../orders/order-store';
import { createRequestDecision } from './request-decision';

const database = useDatabase();
/** Time to wait for a decision: zero, so that an order is due again at once. */
const policy = { attempts: 2, baseMs: 0, capMs: 0 };

async function setUp() {
  const { db } = database();
  const [orders, log] = [createOrderStore(db), createEventLog(db)];
  const { logger, lines } = recordingLogger();
  const order = anOrder();
  await orders.insert(order, 0);
  const published: OrderEvent[] = [];
  const trouble: { error?: Error | undefined } = {};
  const publish = (event: OrderEvent) => {
    if (trouble.error) return Promise.reject(trouble.error);
    published.push(event);
    return Promise.resolve();
  };
  const requestDecision = createRequestDecision({ orders, log, publish, policy, logger });
  const take = async () => {
    const due = await orders.claimDue(100, 0);
    return due.find(({ id }) => id === order.id);
  };
  return {
    order,
    orders,
    published,
    trouble,
    take,
    requestWhenDue: async () => requestDecision((await take())!),
    requestDecision,
    messages: () => lines.map(({ msg }) => msg),
  };
}

describe('a due order', () => {
  it('publishes its event, publishes it again without a decision, and fails after the last attempt', async () => {
    const { order, published, requestWhenDue, messages } = await setUp();
    expect(await requestWhenDue()).toMatchObject({ status: 'PENDING', attempts: 0 });
    expect(await requestWhenDue()).toMatchObject({ status: 'PENDING', attempts: 1 });
    expect(await requestWhenDue()).toMatchObject({ status: 'FAILED', attempts: 2 });
    expect(published.map(({ subject, type }) => [subject, type])).toEqual([
      [order.id, 'com.loanbuddy.order.checkout_submitted'],
      [order.id, 'com.loanbuddy.order.checkout_submitted'],
    ]);
    expect(messages()).toEqual([
      'decision requested again',
      'order failed: no decision after the last attempt',
    ]);
  });

  it('is requested again after an operator retries it', async () => {
    const { order, orders, published, requestWhenDue } = await setUp();
    for (let i = 0; i < 3; i++) await requestWhenDue();
    await orders.retry(order.id);
    expect(await requestWhenDue()).toMatchObject({ status: 'PENDING', attempts: 0 });
    expect(published.at(-1)).toMatchObject({ type: 'com.loanbuddy.order.resubmitted' });
    expect(published.some(({ type }) => isFinalEvent(type))).toBe(false);
  });

  it('waits, without counting an attempt, while publishing fails', async () => {
    const { orders, trouble, take, requestDecision, requestWhenDue, messages } = await setUp();
    trouble.error = new Error('away');
    const due = (await take())!;
    for (let i = 0; i < 3; i++) {
      expect(await requestDecision(due)).toMatchObject({ status: 'PENDING', attempts: 0 });
    }
    expect(await take()).toBeUndefined();
    expect(messages()).toEqual(['decision request not published']);

    trouble.error = undefined;
    await orders.postpone(due.id, 0);
    expect(await requestWhenDue()).toMatchObject({ status: 'PENDING', attempts: 0 });
    trouble.error = new Error('away again');
    expect(await requestWhenDue()).toMatchObject({ status: 'PENDING', attempts: 0 });
    expect(messages()).toEqual([
      'decision request not published',
      'decision request not published',
    ]);
  });

  it('is not requested again if it has been decided', async () => {
    const { order, orders, published, take, requestDecision } = await setUp();
    const due = (await take())!;
    await orders.decide(order.id, 'REJECTED');
    expect(await requestDecision(due)).toMatchObject({ status: 'REJECTED' });
    expect(published).toEqual([]);
  });

  it.each([
    ['whose events were deleted', () => undefined],
    [
      'whose request was deleted',
      // Failed once, then retried by an operator.
      async ({ order, orders }: Awaited<ReturnType<typeof setUp>>) => {
        await orders.recordFailure(order.id, { reason: 'x', dueInMs: 0, maxAttempts: 1 });
        await orders.retry(order.id);
      },
    ],
  ])('%s fails after the last attempt, until an operator retries it', async (_, before) => {
    const parts = await setUp();
    const { order, orders, published, requestWhenDue, messages } = parts;
    await before(parts);
    await sql`
      delete from order_events where order_id = ${order.id}
        and type <> 'com.loanbuddy.order.failed'`.execute(database().db);
    expect(await requestWhenDue()).toMatchObject({ status: 'PENDING', attempts: 1 });
    expect(await requestWhenDue()).toMatchObject({ status: 'FAILED', attempts: 2 });
    expect(published).toEqual([]);
    expect(messages()).toEqual([
      'decision cannot be requested',
      'order failed: no decision after the last attempt',
    ]);
    const failed = await orders.listFailed({ limit: 100 });
    expect(failed.find(({ id }) => id === order.id)).toMatchObject({
      lastError: 'there is no event to ask for a decision with',
    });
    await orders.retry(order.id);
    await requestWhenDue();
    expect(published).toMatchObject([{ type: 'com.loanbuddy.order.resubmitted' }]);
  });
});
