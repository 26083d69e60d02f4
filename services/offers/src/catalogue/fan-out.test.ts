import { recordingLogger } from '@loan-buddy/kit/testing';
import fc from 'fast-check';
import { anOffer, aProvider } from '../../test/builders';
import { createCachedProvider } from './cached-provider';
import { createListOffers, type Listing } from './list-offers';
import { ProviderError } from './failure-reason';
import type { Provider } from './provider';

const DEADLINE_MS = 1000;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function aListing(providers: readonly Provider[], ttlMs = 5000, maxAgeMs = 60_000) {
  const { logger, lines } = recordingLogger();
  const options = { ttlMs, maxAgeMs, failures: 3, openMs: 5000, waitMs: DEADLINE_MS, logger };
  const asked = providers.map((provider) => createCachedProvider(provider, options));
  const listOffers = createListOffers({ providers: asked, aprType: 'eu-effective' });
  const list = async (): Promise<Listing> => listOffers({ sort: 'rate', order: 'asc' });
  return { list, lines };
}

/** Returns the listing, and how long it took on the fake clock. */
async function timed(list: () => Promise<Listing>): Promise<{ listing: Listing; tookMs: number }> {
  const startedAt = performance.now();
  let listing: Listing | undefined;
  void list().then((done) => (listing = done));
  for (let i = 0; i < 1000 && !listing; i++) await jest.advanceTimersByTimeAsync(10);
  return { listing: listing!, tookMs: performance.now() - startedAt };
}

describe('listing offers', () => {
  it('is sorted, complete, in time, and names the missing providers, whatever the providers do', async () => {
    const outcome = fc.record({
      kind: fc.constantFrom('offers', 'none', 'error', 'throw', 'invalid', 'hang', 'ignore'),
      afterMs: fc.integer({ min: 0, max: 3000 }),
      timeoutMs: fc.integer({ min: 1, max: 3000 }),
      rates: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(outcome, { minLength: 1, maxLength: 12 }), async (outcomes) => {
        const providers = outcomes.map(({ kind, afterMs, timeoutMs, rates }, i): Provider => {
          const name = `P${String(i)}`;
          const offers = rates.map((rate, j) =>
            anOffer({ id: `${name}-${String(j)}`, provider: name, rate }),
          );
          return aProvider({
            name,
            timeoutMs,
            fetchOffers: (_, { signal }) => {
              if (kind === 'throw') throw new TypeError('not even a promise');
              return new Promise((resolve, reject) => {
                if (kind !== 'ignore') {
                  signal.addEventListener('abort', () => {
                    reject(new Error('aborted'));
                  });
                }
                if (kind === 'hang') return;
                setTimeout(() => {
                  if (kind === 'error') reject(new Error('x'));
                  else if (kind === 'invalid') reject(new ProviderError('invalid', 'x'));
                  else resolve({ offers: kind === 'none' ? [] : offers });
                }, afterMs);
              });
            },
          });
        });
        const { list } = aListing(providers);
        const { listing, tookMs } = await timed(list);

        expect(tookMs).toBeLessThanOrEqual(DEADLINE_MS + 10);
        const missing = new Set(listing.missing.map(({ provider }) => provider));
        outcomes.forEach(({ kind, afterMs, timeoutMs, rates }, i) => {
          const name = `P${String(i)}`;
          const listed = listing.offers.filter(({ provider }) => provider === name);
          const patienceMs = kind === 'ignore' ? timeoutMs + 100 : timeoutMs;
          const responds = ['offers', 'none', 'ignore'].includes(kind);
          // At the exact limit, either may come first.
          const limit = Math.min(patienceMs, DEADLINE_MS);
          if (responds && afterMs < limit) {
            expect(missing).not.toContain(name);
            expect(listed).toHaveLength(kind === 'none' ? 0 : rates.length);
          } else if (!responds || afterMs > limit) {
            expect(missing).toContain(name);
            expect(listed).toHaveLength(0);
          }
        });
        expect(listing.results.map(({ provider }) => provider)).toEqual(
          outcomes.map((_, i) => `P${String(i)}`),
        );
        const order = listing.offers.map(({ rate, id }) => `${String(rate)} ${id}`);
        expect(order).toEqual([...order].sort());
      }),
      { numRuns: 200 },
    );
  });

  it('asks each provider once for concurrent requests', async () => {
    const calls = new Map<string, number>();
    const providers = Array.from({ length: 50 }, (_, i) => {
      const name = `P${String(i)}`;
      return aProvider({
        name,
        fetchOffers: () => {
          calls.set(name, (calls.get(name) ?? 0) + 1);
          return new Promise((resolve) =>
            setTimeout(resolve, 50, { offers: [anOffer({ id: name, provider: name })] }),
          );
        },
      });
    });
    const { list } = aListing(providers);
    const all = Promise.all(Array.from({ length: 1000 }, list));
    await jest.advanceTimersByTimeAsync(60);
    for (const { offers } of await all) expect(offers).toHaveLength(50);
    expect([...calls.values()]).toEqual(Array.from({ length: 50 }, () => 1));
  });

  it('returns the same listing while all of it is fresh, and the same offers while nothing changes', async () => {
    const offer = anOffer();
    const { list } = aListing([
      aProvider({ fetchOffers: () => Promise.resolve({ offers: [offer] }) }),
    ]);
    const first = await list();
    const second = await list();
    expect(await list()).toBe(second);
    expect(second.offers).toBe(first.offers);
    await jest.advanceTimersByTimeAsync(5001);
    await list();
    await jest.advanceTimersByTimeAsync(1);
    const refreshed = await list();
    expect(refreshed).not.toBe(second);
    expect(refreshed.offers).toBe(first.offers);
  });

  it('never serves offers older than their maximum age', async () => {
    let healthy = true;
    const { list } = aListing(
      [
        aProvider({
          fetchOffers: () =>
            healthy ? Promise.resolve({ offers: [anOffer()] }) : Promise.reject(new Error('x')),
        }),
      ],
      5000,
      10_000,
    );
    await list();
    healthy = false;
    await jest.advanceTimersByTimeAsync(9990);
    expect((await list()).results).toMatchObject([{ isStale: true }]);
    await jest.advanceTimersByTimeAsync(10);
    expect((await list()).missing).toMatchObject([{ reason: 'error' }]);
  });

  it('stops asking a provider that keeps failing, and asks it again after a pause', async () => {
    const fetchOffers = jest.fn(() => Promise.reject(new Error('x')));
    const { list, lines } = aListing([aProvider({ fetchOffers })]);
    const reasons = async (times: number) => {
      const seen = [];
      for (let i = 0; i < times; i++) seen.push((await list()).missing[0]?.reason);
      return seen;
    };
    expect(await reasons(5)).toEqual(['error', 'error', 'error', 'circuit-open', 'circuit-open']);
    expect(fetchOffers).toHaveBeenCalledTimes(3);
    expect(lines).toHaveLength(3);
    await jest.advanceTimersByTimeAsync(5001);
    expect(await reasons(2)).toEqual(['error', 'circuit-open']);
  });
});
