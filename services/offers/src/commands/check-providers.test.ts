import { aProvider } from '../../test/builders';
import { ProviderError } from '../catalogue/failure-reason';
import { checkProviders } from './check-providers';

describe('checkProviders', () => {
  it('prints a line per provider, and how many failed', async () => {
    const result = { offers: [], dropped: { 'staff-only': 2, unreadable: 1 }, versions: 'list 5' };
    const lines: string[] = [];
    const failures = await checkProviders(
      [
        aProvider({ name: 'Good' }),
        aProvider({
          name: 'Partial',
          fetchOffers: () => Promise.resolve({ ...result, unread: 3 }),
        }),
        aProvider({
          name: 'Rude',
          fetchOffers: () => Promise.reject(new ProviderError('invalid', 'a\n\u001b[31mred\u202e')),
        }),
        aProvider({
          name: 'Throwing',
          fetchOffers: () => {
            throw new Error('x'.repeat(500));
          },
        }),
        aProvider({
          name: 'Silent',
          timeoutMs: 10,
          fetchOffers: () => new Promise(() => undefined),
        }),
      ],
      (line) => lines.push(line),
    );
    expect(failures).toBe(3);
    const rows = lines.map((line) => line.split(/ {2,}/));
    expect(rows[0]).toEqual(['provider', 'outcome', 'versions', 'offers', 'dropped', 'ms']);
    expect(rows[1]?.slice(0, 3)).toEqual(['Good', 'ok', '1']);
    expect(rows[2]?.slice(0, 5)).toEqual([
      'Partial',
      'partial: 3 unread',
      'list 5',
      '0',
      '2 staff-only, 1 unreadable',
    ]);
    expect(rows[3]?.slice(0, 2)).toEqual(['Rude', 'invalid: a [31mred']);
    expect(rows[4]?.[1]).toMatch(/^error: x{52}…$/);
    expect(rows[5]?.[1]).toMatch(/^timeout: /);
  });
});
