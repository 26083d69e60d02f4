import { UnusableMessageError } from '@loan-buddy/kit/messaging';
import { recordingLogger } from '@loan-buddy/kit/testing';
import { anOrder } from '../../test/builders';
import { useDatabase } from '../../test/database';
import { createOrderStore } from '../orders/order-store';
import { createApplyDecision } from './apply-decision';

const database = useDatabase();

const decided = (orderId: string, status: string) =>
  JSON.stringify({
    specversion: '1.0',
    type: 'com.loanbuddy.payment.decided',
    data: { order_id: orderId, status },
  });

describe('a decision message', () => {
  it('is recorded, and a later one changes nothing', async () => {
    const orders = createOrderStore(database().db);
    const { logger, lines } = recordingLogger();
    const apply = createApplyDecision(orders, logger);
    const order = anOrder();
    await orders.insert(order, 60_000);
    for (const status of ['REJECTED', 'APPROVED', 'REJECTED']) {
      // A byte order mark is skipped.
      await apply(`\uFEFF${decided(order.id, status)}`);
      expect(await orders.find(order.id)).toMatchObject({ status: 'REJECTED' });
    }
    expect(lines).toEqual([
      { level: 'info', orderId: order.id, status: 'APPROVED', msg: 'decision came too late' },
    ]);
  });

  it.each([
    ['no JSON', 'nonsense'],
    ['another event', '{"specversion":"1.0","type":"what","data":{}}'],
    ['another word', decided(anOrder().id, 'PERHAPS')],
    ['without an order id', decided('order-\u0000', 'APPROVED')],
    ['for an unknown order', decided(anOrder().id, 'APPROVED')],
    ['a megabyte long', decided('x'.repeat(1_000_000), 'APPROVED')],
  ])('is rejected if it is %s', async (_, body) => {
    const apply = createApplyDecision(createOrderStore(database().db), recordingLogger().logger);
    const error: unknown = await apply(body).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(UnusableMessageError);
    // The content must not reach the log.
    const { cause, message } = error as Error;
    expect(cause).toBeUndefined();
    expect(message.length).toBeLessThan(100);
  });

  it('is rejected with a trailing megabyte, and decides nothing', async () => {
    const orders = createOrderStore(database().db);
    const apply = createApplyDecision(orders, recordingLogger().logger);
    const order = anOrder();
    await orders.insert(order, 60_000);
    const padded = decided(order.id, 'APPROVED') + ' '.repeat(1_000_000);
    await expect(apply(padded)).rejects.toThrow(UnusableMessageError);
    expect(await orders.find(order.id)).toMatchObject({ status: 'PENDING' });
  });
});
