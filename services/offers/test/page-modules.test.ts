import { createEventParser } from '../page/follow.js';
import { costSoFar } from '../page/plot.js';
import { providersIn } from '../page/providers.js';
import { sorted } from '../page/table.js';
import type { Offer } from '../page/types';
import { priceOffer } from '../src/catalogue/price-offer';
import { offerBody } from '../src/http/offer-body';
import { providerHeaders } from '../src/http/provider-headers';
import { anOfferInFull } from './builders';

describe('the page reads', () => {
  it('the names of missing providers, also with quotation marks, commas and backslashes', () => {
    const names = ['A', 'B "x", C\\', ';reason=no'];
    const results = names.map((provider) => ({
      provider,
      durationMs: 1,
      reason: 'timeout' as const,
    }));
    const headers = providerHeaders(results, 0);
    const missing = headers[headers.indexOf('Missing-Providers') + 1]!;
    expect(providersIn(missing)).toEqual(names.map((name) => ({ name, value: 'timeout' })));
    expect(providersIn(null)).toEqual([]);
  });

  it('events of a stream that arrives in any pieces', () => {
    const text =
      'retry: 1000\n\nid: 1\nevent: a\ndata: {"x":"ä: b"}\n\n:\n\nid: 2\r\ndata: 2\r\n\r\nevent: b\ndata: 3\n\nevent: no data\n\nid: 4\ndata: half';
    for (const size of [1, 7, 1000]) {
      const events: unknown[] = [];
      const parse = createEventParser((event) => events.push(event));
      for (let at = 0; at < text.length; at += size) parse(text.slice(at, at + size));
      expect(events).toEqual([
        { id: '1', type: 'a', data: '{"x":"ä: b"}' },
        { id: '2', type: '', data: '2' },
        { id: '2', type: 'b', data: '3' },
      ]);
    }
  });
});

describe('the plot of what an offer costs', () => {
  it.each([0, 150])(
    'starts with the fees of %d, never falls, and ends with the total',
    (upfront) => {
      const periodic = upfront === 0 ? [] : [{ amount: 30, months: 3 }];
      const offer = { ...anOfferInFull(), amount: 10_000, rate: 6, fees: { upfront, periodic } };
      const body = offerBody(priceOffer(offer, 36, 'eu-effective')) as unknown as Offer;
      const costs = costSoFar(body, 36);
      expect(costs).toHaveLength(37);
      expect(costs[0]).toBe(upfront);
      expect(costs[36]).toBeCloseTo(body.total_cost! - 10_000, 10);
      // The curve meets the total of the service without a jump.
      const last = costs[36]! - costs[35]!;
      expect(last).toBeGreaterThan(0);
      expect(last).toBeLessThan(costs[35]! - costs[34]!);
      expect(costs.every((cost, month) => month === 0 || cost > costs[month - 1]!)).toBe(true);
    },
  );
});

describe('the table of offers', () => {
  it('puts offers without a value last in either order, and ties by id', () => {
    const others = { provider: 'P', rate: 1, amount: 1 };
    const offers = [
      { id: 'c', apr: 2, ...others },
      { id: 'x', ...others },
      { id: 'b', apr: 2, ...others },
      { id: 'a', apr: 9, ...others },
    ];
    const ids = (order: string) => sorted(offers, 'apr', order).map(({ id }) => id);
    expect(ids('asc')).toEqual(['b', 'c', 'a', 'x']);
    expect(ids('desc')).toEqual(['a', 'b', 'c', 'x']);
  });
});
