import { setImmediate as turn } from 'node:timers/promises';
import { createBatch } from './batch';
import { DatabaseUnavailableError } from './unavailable';

/** Records the batches, and holds each until it is released. */
function heldBatches<Item>(keyOf: (item: Item) => string | undefined = () => undefined) {
  const batches: (readonly Item[])[] = [];
  const held: ((error?: Error) => void)[] = [];
  const add = createBatch<Item, Item>({
    name: 'write item',
    keyOf,
    write: (items) => {
      batches.push(items);
      return new Promise((resolve, reject) => {
        held.push((error) => {
          if (error) reject(error);
          else resolve(items);
        });
      });
    },
  });
  const release = async (error?: Error) => {
    held.shift()!(error);
    await turn();
    // The next batch begins one turn later.
    await turn();
  };
  /** Adds the first item, and the others while that is being written. */
  const addAll = async ([first, ...others]: readonly [Item, ...Item[]]) => {
    const result = add(first);
    await turn();
    return { results: [result, ...others.map(add)] };
  };
  return { add, addAll, batches, release };
}

const sqlError = (code: string) => Object.assign(new Error('refused'), { code });
const unavailable = (cause: Error) => new DatabaseUnavailableError({ cause });

describe('a batch', () => {
  it('has one item if no other waits, and then all that gathered meanwhile', async () => {
    const { add, addAll, batches, release } = heldBatches<number>();
    const { results } = await addAll([1, 2, 3]);
    expect(batches).toEqual([[1]]);
    await release();
    expect(batches).toEqual([[1], [2, 3]]);
    await release();
    expect(await Promise.all(results)).toEqual([1, 2, 3]);
    const next = add(4);
    await turn();
    await release();
    expect(await next).toBe(4);
    expect(batches).toHaveLength(3);
  });

  it('has all items that come in the turn in which the one before ends, even if writing blocks the thread', async () => {
    const batches: (readonly number[])[] = [];
    const add = createBatch<number, number>({
      name: 'write item',
      keyOf: () => undefined,
      write: (items) => {
        batches.push(items);
        return Promise.resolve(items);
      },
    });
    // As from three sockets: between two callbacks, all promises settle.
    const results = [1, 2, 3].map(async (item) => {
      await turn();
      return add(item);
    });
    expect(await Promise.all(results)).toEqual([1, 2, 3]);
    expect(batches).toEqual([[1], [2, 3]]);
  });

  it('is bounded', async () => {
    const { add, batches, release } = heldBatches<number>();
    const results = Array.from({ length: 200 }, (_, i) => add(i));
    for (let i = 0; i < 5; i++) await release();
    expect(batches.map(({ length }) => length)).toEqual([1, 64, 64, 64, 7]);
    expect(await Promise.all(results)).toHaveLength(200);
  });

  it('never has two items of one key, and keeps their order', async () => {
    const { addAll, batches, release } = heldBatches<string>((item) => item[0]);
    const { results } = await addAll(['x', 'a1', 'a2', 'b1', 'a3']);
    for (let i = 0; i < 4; i++) await release();
    expect(batches).toEqual([['x'], ['a1', 'b1'], ['a2'], ['a3']]);
    await Promise.all(results);
  });

  it('that takes long does not hold up the next one', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    try {
      const { add, addAll, batches, release } = heldBatches<number>();
      const { results } = await addAll([1, 2, 3]);
      jest.advanceTimersByTime(99);
      await turn();
      expect(batches).toEqual([[1]]);
      jest.advanceTimersByTime(1);
      await turn();
      expect(batches).toEqual([[1], [2, 3]]);
      const last = add(4);
      await release();
      expect(await results[0]).toBe(1);
      expect(batches).toHaveLength(2);
      await release();
      await release();
      expect(await Promise.all([...results, last])).toEqual([1, 2, 3, 4]);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it.each([
    ['a refused value', sqlError('22021')],
    ['a lasting deadlock', unavailable(sqlError('40P01'))],
  ])('loses only the item with %s', async (_, error) => {
    const written: number[] = [];
    const add = createBatch<number, number>({
      name: 'write item',
      keyOf: () => undefined,
      write: (items) => {
        if (items.includes(5)) return Promise.reject(error);
        written.push(...items);
        return Promise.resolve(items);
      },
    });
    const results = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7].map(add));
    expect(results).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((value) =>
        value === 5 ? { status: 'rejected', reason: error } : { status: 'fulfilled', value },
      ),
    );
    expect(written).toEqual([1, 2, 3, 4, 6, 7]);
  });

  it.each(['40001', '40P01'])('is written again after a conflict (%s)', async (code) => {
    const { addAll, batches, release } = heldBatches<number>();
    const { results } = await addAll([1, 2, 3]);
    await release(unavailable(sqlError(code)));
    await release();
    await release(unavailable(sqlError(code)));
    await release();
    await release();
    expect(await Promise.all(results)).toEqual([1, 2, 3]);
    expect(batches).toEqual([[1], [1], [2, 3], [2], [3]]);
  });

  it.each([
    ['the connection was lost', unavailable(new Error('Connection terminated'))],
    ['the outcome is unknown', unavailable(sqlError('40003'))],
    ['a statement took too long', unavailable(sqlError('57014'))],
  ])('is not written again if %s', async (_, error) => {
    const { add, addAll, batches, release } = heldBatches<number>();
    const results = Promise.allSettled((await addAll([1, 2, 3])).results);
    await release();
    await release(error);
    const rejected = { status: 'rejected', reason: error };
    expect(await results).toEqual([{ status: 'fulfilled', value: 1 }, rejected, rejected]);
    expect(batches).toEqual([[1], [2, 3]]);
    const next = add(4);
    await turn();
    await release();
    expect(await next).toBe(4);
  });

  it('writes nothing more if the database becomes unavailable while it looks for a refused item', async () => {
    const { addAll, batches, release } = heldBatches<number>();
    const results = Promise.allSettled((await addAll([1, 2, 3, 4, 5])).results);
    await release();
    await release(sqlError('22021'));
    const error = unavailable(new Error('Connection terminated'));
    await release(error);
    const rejected = { status: 'rejected', reason: error };
    const [first, ...others] = await results;
    expect(first).toEqual({ status: 'fulfilled', value: 1 });
    expect(others).toEqual([rejected, rejected, rejected, rejected]);
    expect(batches).toEqual([[1], [2, 3, 4, 5], [2, 3]]);
  });
});
