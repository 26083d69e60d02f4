import { anOrder } from '../../test/builders';
import { DatabaseUnavailableError } from '../db/unavailable';
import { createAwaitOrder } from './await-order';

const gone = () => Promise.reject(new DatabaseUnavailableError({}));

function setUp() {
  const order = anOrder();
  const looks: (() => Promise<typeof order>)[] = [];
  const listeners = new Set<() => void>();
  const awaitOrder = createAwaitOrder({
    orders: { find: () => looks.shift()!() },
    feed: {
      watch: (_, listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      closing: new AbortController().signal,
    },
  });
  const tell = async () => {
    for (const listener of listeners) listener();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { order, looks, listeners, awaitOrder, tell };
}

describe('waiting for an order', () => {
  it('continues while the database is unavailable', async () => {
    const { order, looks, listeners, awaitOrder, tell } = setUp();
    const decided = { ...order, status: 'APPROVED' as const };
    looks.push(
      () => Promise.resolve(order),
      gone,
      () => Promise.resolve(decided),
    );
    const waiting = awaitOrder(order.id, { waitMs: 60_000 });
    await new Promise((resolve) => setImmediate(resolve));
    await tell();
    await tell();
    expect(await waiting).toEqual(decided);
    expect(listeners.size).toBe(0);
  });

  it('returns the last known order if the database stays unavailable', async () => {
    const { order, looks, awaitOrder } = setUp();
    looks.push(() => Promise.resolve(order), gone);
    expect(await awaitOrder(order.id, { waitMs: 20 })).toEqual(order);
  });

  it('fails at once if the database is unavailable', async () => {
    const { order, looks, listeners, awaitOrder } = setUp();
    looks.push(gone);
    await expect(awaitOrder(order.id, { waitMs: 60_000 })).rejects.toThrow(
      DatabaseUnavailableError,
    );
    expect(listeners.size).toBe(0);
  });
});
