import { parseAmount, parseMonths, parseRate } from './decimal';

describe('parseRate', () => {
  it.each([
    ['0.0599', 5.99],
    ['0.0295', 2.95],
    ['0.07', 7],
    ['0.0779000000000000', 7.79],
    ['0.198500', 19.85],
    ['0.5999', 59.99],
  ])('%s is %f %%', (text, percent) => {
    expect(parseRate(text)).toEqual({ percent, wasPercent: false });
  });

  it.each([
    ['14.95', 14.95],
    ['1', 1],
    ['60', 60],
  ])('%s is read as percent', (text, percent) => {
    expect(parseRate(text)).toEqual({ percent, wasPercent: true });
  });

  it.each([
    undefined,
    '',
    '14.95x',
    '-0.0100',
    '0',
    '0.000',
    '0.6',
    '0.99',
    '60.01',
    '.05',
    '5.',
    '1e-2',
    '٣',
    `0.${'0'.repeat(400)}1`,
  ])('%s is not a rate', (text) => {
    expect(parseRate(text)).toBeUndefined();
  });
});

describe('parseAmount', () => {
  it.each([
    ['5000.00', 5000],
    ['$1,000.00', 1000],
    ['50,000', 50_000],
    ['1,234,567.89', 1_234_567.89],
    [' $ 2000 ', 2000],
    ['0', 0],
  ])('%s is %d', (text, amount) => {
    expect(parseAmount(text)).toBe(amount);
  });

  it.each([
    undefined,
    '',
    'Applicable for amounts over $5,000',
    '5k',
    '1,00',
    '1,0000',
    '-5',
    'NaN',
    '9'.repeat(400),
  ])('%s is not an amount', (text) => {
    expect(parseAmount(text)).toBeUndefined();
  });
});

describe('parseMonths', () => {
  it.each([
    ['P84M', 84],
    ['P7Y', 84],
    ['P1Y6M', 18],
    ['P365D', 12],
    ['P52W', (12 * 364) / 365],
  ])('%s is %d', (text, months) => {
    expect(parseMonths(text)).toBeCloseTo(months, 10);
  });

  it.each([undefined, '', 'P', 'P0M', '84', 'P1H', 'Minimum rate 8.50%'])(
    '%s is not a term',
    (text) => {
      expect(parseMonths(text)).toBeUndefined();
    },
  );
});
