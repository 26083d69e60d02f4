import type { Response } from 'express';
import { endInBatch } from './end-in-batch';

/** Responses that record in `written` the order in which they end. */
function responses(count: number) {
  const written: number[] = [];
  const all = Array.from({ length: count }, (_, i) => {
    const res = { req: { slot: { release: jest.fn() } }, end: () => written.push(i) };
    return res as unknown as Response;
  });
  return { all, written };
}

afterEach(() => new Promise(setImmediate));

it('writes the responses of one turn when it ends, in order', async () => {
  const { all, written } = responses(3);
  for (const res of all) endInBatch(res, 'ok');
  await Promise.resolve();
  expect(written).toEqual([]);
  await new Promise(setImmediate);
  expect(written).toEqual([0, 1, 2]);
});

it('releases the slot of a response at once', () => {
  const { all } = responses(1);
  endInBatch(all[0]!);
  expect(all[0]!.req.slot).toBeUndefined();
});

it('writes 32 responses at a time in a long turn', async () => {
  const { all, written } = responses(70);
  for (const res of all) endInBatch(res, 'ok');
  expect(written).toHaveLength(64);
  await new Promise(setImmediate);
  expect(written).toEqual(Array.from({ length: 70 }, (_, i) => i));
});
