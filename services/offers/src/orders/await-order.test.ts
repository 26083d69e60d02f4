import { anOrder } from '../../test/builders';
import { DatabaseUnavailableError } from '../db/unavailable';
import { createAwaitOrder } from './await-order';

const gone = () => Promise.reject(new DatabaseUnavailableError({}));

function setUp() {
  const order = anOrder();
  const reads: (() => Promise<typeof order>)[] = [];
  const listeners = new Set<() => void>();
  const awaitOrder = createAwaitOrder({
    orders: { find: () => reads.shift()!() },
    feed: {
      watch: (_, listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      closing: new AbortController().signal,
    },
  });
  const notify = async () => {
    for (const listener of listeners) listener();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { order, reads, listeners, awaitOrder, notify };
}

describe('waiting for an order', () => {
  it('continues while the database is unavailable', async () => {
    const { order, reads, listeners, awaitOrder, notify } = setUp();
    const decided = { ...order, status: 'APPROVED' as const };
    reads.push(
      () => Promise.resolve(order),
      gone,
      () => Promise.resolve(decided),
    );
    const waiting = awaitOrder(order.id, { waitMs: 60_000 });
    await new Promise((resolve) => setImmediate(resolve));
    await notify();
    await notify();
    expect(await waiting).toEqual(decided);
    expect(listeners.size).toBe(0);
  });

  it('returns the last known order if the database stays unavailable', async () => {
    const { order, reads, awaitOrder } = setUp();
    reads.push(() => Promise.resolve(order), gone);
    expect(await awaitOrder(order.id, { waitMs: 20 })).toEqual(order);
  });

  it('fails at once if the database is unavailable', async () => {
    const { order, reads, listeners, awaitOrder } = setUp();
    reads.push(gone);
    await expect(awaitOrder(order.id, { waitMs: 60_000 })).rejects.toThrow(
      DatabaseUnavailableError,
    );
    expect(listeners.size).toBe(0);
  });
});
