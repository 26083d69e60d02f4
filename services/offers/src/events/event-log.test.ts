import { sql } from 'kysely';
import { anOffer, anOrder } from '../../test/builders';
import { useDatabase } from '../../test/database';
import { createOrderStore } from '../orders/order-store';
import { createEventLog } from './event-log';
import { orderEventSchema } from '../domain/order-event';

const database = useDatabase();
const parts = () => {
  const { db } = database();
  return { db, log: createEventLog(db), orders: createOrderStore(db) };
};
const typesOf = async (orderId: string) =>
  (await parts().log.listByOrder(orderId)).map(({ event }) => event.type.split('.').at(-1));

/** Marks the events of other tests as published. */
const publishAll = () => sql`update order_events set published_at = now()`.execute(database().db);

describe('the event log', () => {
  it('has a publishable event for each change of status', async () => {
    const { log, orders } = parts();
    const order = anOrder({ offer: { ...anOffer(), termMonths: 36 } });
    await orders.insert(order, 0);
    await orders.recordFailure(order.id, { reason: 'down', dueInMs: 0, maxAttempts: 2 });
    await orders.recordFailure(order.id, { reason: 'down', dueInMs: 0, maxAttempts: 2 });
    await orders.retry(order.id);
    await orders.decide(order.id, 'APPROVED');
    await orders.decide(order.id, 'REJECTED');

    const logged = await log.listByOrder(order.id);
    const events = logged.map(({ event }) => event);
    expect(await typesOf(order.id)).toEqual([
      'checkout_submitted',
      'failed',
      'resubmitted',
      'approved',
    ]);
    for (const event of events) expect(orderEventSchema.parse(event)).toEqual(event);
    expect(events.at(-1)).toMatchObject({
      subject: order.id,
      data: {
        order_id: order.id,
        user_id: 'cristina',
        loan_id: 'offer2',
        provider: 'ProviderB',
        rate: 2.9,
        amount: 12_000,
        term_months: 36,
        status: 'APPROVED',
        created_at: '2025-07-08T12:30:45.678Z',
        attempts: 0,
      },
    });
    expect(events[1]?.data).toMatchObject({ status: 'FAILED', attempts: 2 });
    const seqs = logged.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });

  it('has no event of an order that was rolled back', async () => {
    const { log, orders } = parts();
    const order = anOrder();
    await orders.insert(order, 0);
    await expect(orders.insert(order, 0)).rejects.toThrow();
    expect(await log.listByOrder(order.id)).toHaveLength(1);
  });

  it('claims one event per order at a time, oldest first', async () => {
    const { log, orders } = parts();
    await publishAll();
    const [first, second] = [anOrder(), anOrder()];
    for (const order of [first, second]) await orders.insert(order, 0);
    await orders.decide(first.id, 'APPROVED');

    const taken = await log.claimUnpublished(10, 60_000);
    expect(taken.map(({ event }) => event.subject)).toEqual([first.id, second.id]);
    expect(await log.claimUnpublished(10, 60_000)).toEqual([]);
    await log.markPublished(taken);
    const next = await log.claimUnpublished(10, 60_000);
    expect(next.map(({ event }) => event.data.status)).toEqual(['APPROVED']);
    await log.release(next, 0);
    expect(await log.claimUnpublished(10, 60_000)).toEqual(next);
  });

  it('does nothing for an empty batch', async () => {
    const { log } = parts();
    await expect(log.markPublished([])).resolves.toBeUndefined();
    await expect(log.release([], 1)).resolves.toBeUndefined();
  });

  it('makes an event claimable again if its publisher died', async () => {
    const { log, orders } = parts();
    await publishAll();
    await orders.insert(anOrder(), 0);
    const taken = await log.claimUnpublished(10, 0);
    expect(taken).toHaveLength(1);
    expect(await log.claimUnpublished(10, 60_000)).toEqual(taken);
  });
});
