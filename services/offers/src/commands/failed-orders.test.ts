import { anOrder } from '../../test/builders';
import { listFailed, NoSuchFailedOrderError, retryFailed } from './failed-orders';

const failed = Array.from({ length: 150 }, () =>
  anOrder({ status: 'FAILED', attempts: 3 }),
).reverse();

describe('listFailed', () => {
  it('prints all pages, one line per order, and the total', async () => {
    const lines: string[] = [];
    await listFailed(
      {
        listFailed: ({ before, limit }) => {
          const from = before === undefined ? 0 : failed.findIndex(({ id }) => id === before) + 1;
          const page = failed.slice(from, from + limit);
          return Promise.resolve(page.map((order) => ({ ...order, lastError: 'no answer' })));
        },
      },
      (line) => lines.push(line),
    );
    expect(lines).toHaveLength(151);
    expect(lines[0]).toBe(
      `${failed[0]!.id}  2025-07-08T12:30:45.678Z  cristina offer2 12000  after 3 attempts: no answer`,
    );
    expect(lines[150]).toBe('150 failed');
  });
});

describe('retryFailed', () => {
  const retry = async (id: string) => {
    const lines: string[] = [];
    const orders = {
      retry: (wanted: string) => Promise.resolve(failed.find((order) => order.id === wanted)),
      retryAll: () => Promise.resolve(150),
    };
    await retryFailed(orders, id, (line) => lines.push(line));
    return lines;
  };

  it('prints what it did', async () => {
    expect(await retry(failed[1]!.id)).toEqual([`${failed[1]!.id} is pending again`]);
    expect(await retry('--all')).toEqual(['150 pending again']);
    await expect(retry('order-0')).rejects.toThrow(NoSuchFailedOrderError);
  });
});
