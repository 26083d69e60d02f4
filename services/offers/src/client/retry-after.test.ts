import { readRetryAfter } from './retry-after';

const SECOND = 1000;
const DAY = 86_400_000;

describe('readRetryAfter', () => {
  const now = Date.parse('2025-07-08T12:00:00Z');
  it.each([
    ['120', 120 * SECOND],
    ['0', 0],
    ['Tue, 08 Jul 2025 12:00:30 GMT', 30 * SECOND],
    ['Tue, 08 Jul 2025 11:00:00 GMT', 0],
    ['99999999999999999999', DAY],
    ['soon', undefined],
    ['-1', undefined],
    ['2', 2 * SECOND],
    ['2 s', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('reads %s as %s', (value, ms) => {
    expect(readRetryAfter(value, { maxMs: DAY, now })).toBe(ms);
  });
});
