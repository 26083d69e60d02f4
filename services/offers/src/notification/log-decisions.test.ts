import { recordingLogger } from '@loan-buddy/kit/testing';
import { anOrder } from '../../test/builders';
import type { OrderStore } from '../orders/order-store';
import { logDecisions } from './log-decisions';

describe('logDecisions', () => {
  it('says once what an order comes to, and not to whom', async () => {
    const { logger, lines } = recordingLogger();
    const order = anOrder({ status: 'REJECTED' });
    const decide = jest.fn(() => Promise.resolve(order));
    const orders = logDecisions({ decide } as unknown as OrderStore, logger);
    expect(await orders.decide(order.id, 'REJECTED')).toBe(order);
    expect(lines).toEqual([
      { level: 'info', orderId: order.id, status: 'REJECTED', msg: 'order decided' },
    ]);
  });
});
