import { recordingLogger } from '@loan-buddy/kit/testing';
import { anOrder } from '../../test/builders';
import { useDatabase } from '../../test/database';
import { createOrderStore } from '../orders/order-store';
import { createApplyDecision, UnusableDecisionError } from './apply-decision';

const database = useDatabase();

const decided = (orderId: string, status: string) =>
  JSON.stringify({
    specversion: '1.0',
    type: 'com.loanbuddy.payment.decided',
    data: { order_id: orderId, status },
  });

describe('a decision that came as a message', () => {
  it('is on the order, and the first one stays', async () => {
    const orders = createOrderStore(database().db);
    const { logger, lines } = recordingLogger();
    const apply = createApplyDecision({ orders, logger });
    const order = anOrder();
    await orders.insert(order, 60_000);
    for (const status of ['REJECTED', 'APPROVED', 'REJECTED']) {
      await apply(decided(order.id, status));
      expect(await orders.find(order.id)).toMatchObject({ status: 'REJECTED' });
    }
    expect(lines).toEqual([
      { level: 'info', orderId: order.id, status: 'APPROVED', msg: 'decision came too late' },
    ]);
  });

  it.each([
    ['no JSON', 'nonsense'],
    ['another event', '{"specversion":"1.0","type":"what","data":{}}'],
    ['another word', decided('order-x', 'PERHAPS')],
    ['an order that nobody knows', decided('order-x', 'APPROVED')],
  ])('is of no use if it is %s', async (_, body) => {
    const apply = createApplyDecision({
      orders: createOrderStore(database().db),
      logger: recordingLogger().logger,
    });
    await expect(apply(body)).rejects.toThrow(UnusableDecisionError);
  });
});
