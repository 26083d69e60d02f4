import type { Response } from 'express';
import { endWithTurn } from './end-with-turn';

/** Answers that note in `written` which of them were ended, in that order. */
function answers(count: number) {
  const written: number[] = [];
  const all = Array.from({ length: count }, (_, i) => {
    const res = { req: { slot: { release: jest.fn() } }, end: () => written.push(i) };
    return res as unknown as Response;
  });
  return { all, written };
}

afterEach(() => new Promise(setImmediate));

it('answers made in one turn are written when it ends, in their order', async () => {
  const { all, written } = answers(3);
  for (const res of all) endWithTurn(res, 'ok');
  await Promise.resolve();
  expect(written).toEqual([]);
  await new Promise(setImmediate);
  expect(written).toEqual([0, 1, 2]);
});

it('an answer gives its slot back when it is made', () => {
  const { all } = answers(1);
  endWithTurn(all[0]!);
  expect(all[0]!.req.slot).toBeUndefined();
});

it('of a long turn, 32 are written at a time', async () => {
  const { all, written } = answers(70);
  for (const res of all) endWithTurn(res, 'ok');
  expect(written).toHaveLength(64);
  await new Promise(setImmediate);
  expect(written).toEqual(Array.from({ length: 70 }, (_, i) => i));
});
