import { decide } from './decide';

describe('decide', () => {
  it.each([
    [10_000, 'APPROVED'],
    [12_000, 'APPROVED'],
    [9_999.99, 'REJECTED'],
    [0, 'REJECTED'],
  ])('decides on %d, with a threshold of 10000: %s', (amount, decision) => {
    expect(decide(amount, 10_000)).toBe(decision);
  });
});
