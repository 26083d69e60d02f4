import fc from 'fast-check';
import { anOffer } from '../../test/builders';
import type { Offer } from '../domain/offer';
import { aprTypes, priceOffer } from './price-offer';

function priced(offer: Partial<Offer>, termMonths: number, aprType = aprTypes[0] as never) {
  const { price } = priceOffer(anOffer(offer), termMonths, aprType);
  if (!price) throw new Error('no price');
  return price;
}

const cents = (value: number) => Math.abs(value * 100 - Math.round(value * 100));

const amounts = fc.oneof(
  fc.integer({ min: 100, max: 10_000_000_000 }).map((amount) => amount / 100),
  fc.double({ min: 1e-6, max: 1e9, noNaN: true }),
  fc.integer({ min: 1, max: 100 }),
);
const terms = fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constantFrom(1, 2, 600));
const rates = fc.oneof(
  fc.double({ min: Number.MIN_VALUE, max: 100, noNaN: true }),
  fc.constantFrom(1e-12, 0.001, 100),
);
const shares = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 2, noNaN: true }));
const aprBases = fc.constantFrom(...aprTypes);

describe('priceOffer', () => {
  it('repays at least the amount and the fees, whatever is lent', () => {
    fc.assert(
      fc.property(amounts, terms, rates, shares, shares, (amount, term, rate, up, monthly) => {
        const [upfront, fee] = [amount * up, amount * monthly];
        const fees = { upfront, periodic: [{ amount: fee, months: 1 }] };
        const { monthlyPayment, totalCost } = priced({ amount, rate, fees }, term);
        expect(monthlyPayment).toBeGreaterThan(0);
        expect(totalCost).toBeGreaterThanOrEqual(amount);
        const owed = amount + fee * term + upfront;
        expect(totalCost).toBeGreaterThanOrEqual(owed - 0.005 - owed * 1e-14);
        expect(Math.abs(totalCost - monthlyPayment * term - upfront)).toBeLessThan(
          0.006 + owed * 1e-12,
        );
        if (amount < 1e6) expect(cents(monthlyPayment)).toBeLessThan(1e-3);
      }),
      { numRuns: 2000 },
    );
  });

  it('has an APR from the rate to 10,000 %, or none', () => {
    fc.assert(
      fc.property(amounts, terms, rates, shares, aprBases, (amount, term, rate, up, aprType) => {
        const fees = { upfront: amount * up, periodic: [] };
        const { apr } = priced({ amount, rate, fees }, term, aprType as never);
        if (apr === undefined) expect(up).toBeGreaterThan(0);
        else {
          expect(apr).toBeGreaterThanOrEqual(rate - 0.01);
          expect(apr).toBeLessThanOrEqual(10_000);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [1, 600, 3, 0.01, 6],
    [1, 12, 0.01, 0.09, 1.08],
    [100, 600, 0.001, 0.17, 102],
    [0.001, 1, 5, 0.01, 0.01],
    [1000, 7, 1e-9, 142.86, 1000.02],
    [1200, 12, 1e-9, 100, 1200],
  ])('%d over %d months at %d %% costs %d a month, %d in total', (amount, term, rate, ...costs) => {
    const { monthlyPayment, totalCost } = priced({ amount, rate }, term);
    expect([monthlyPayment, totalCost]).toEqual(costs);
  });

  it.each([
    [9999.99, undefined],
    [10_000, undefined],
    [9900, undefined],
    [5000, 347.08],
    [0, 5.12],
  ])('with an upfront fee of %d on 10,000 has the APR %s', (upfront, apr) => {
    expect(priced({ amount: 10_000, rate: 5, fees: { upfront, periodic: [] } }, 12).apr).toBe(apr);
  });

  it('has no price that is not a number', () => {
    expect(priceOffer(anOffer({ amount: 1e308 }), 600, 'eu-effective').price).toBeUndefined();
  });
});
