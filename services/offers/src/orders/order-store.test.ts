import { anOrder } from '../../test/builders';
import { createMemoryOrderStore } from './order-store';

describe('createMemoryOrderStore', () => {
  it('never changes a decided order', async () => {
    const orders = createMemoryOrderStore();
    await orders.insert(anOrder());
    expect(await orders.decide('order-1', 'REJECTED')).toMatchObject({ status: 'REJECTED' });
    expect(await orders.decide('order-1', 'APPROVED')).toMatchObject({ status: 'REJECTED' });
    expect(await orders.find('order-1')).toMatchObject({ status: 'REJECTED' });
  });

  it('decides no order that is not there', async () => {
    await expect(createMemoryOrderStore().decide('order-1', 'APPROVED')).rejects.toThrow('order-1');
  });
});
