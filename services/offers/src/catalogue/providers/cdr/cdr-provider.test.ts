import {
  allButTimeouts,
  letTimePass,
  recordingLogger,
  eventLoopTurns,
  until,
} from '@loan-buddy/kit/testing';
import { aProduct, aRate, startDataHolder, type DataHolder } from '../../../../test/data-holder';
import type { Provider } from '../../provider';
import { createProviders, providersSchema } from '../provider-config';

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A bank, and the provider that asks it. */
async function aBank(
  options: Partial<Parameters<typeof startDataHolder>[0]> = {},
  entry: object = {},
): Promise<{ holder: DataHolder; bank: Provider; lines: Record<string, unknown>[] }> {
  const holder = await startDataHolder({ products: [aProduct()], ...options });
  const listed = providersSchema.parse({
    providers: [
      {
        type: 'cdr',
        name: 'Bank',
        brand_id: 'b',
        base_uri: holder.url,
        timeout_ms: 60_000,
        ...entry,
      },
    ],
  });
  const { logger, lines } = recordingLogger();
  const { providers, close } = createProviders(listed, {
    timeoutMs: 1000,
    allowPrivate: true,
    logger,
  });
  opened.push(holder.close, close);
  return { holder, bank: providers[0]!, lines };
}

const many = (count: number) =>
  Array.from({ length: count }, (_, i) => aProduct({ productId: `loan ${String(i)}$` }));
const never = new AbortController().signal;
const ask = (bank: Provider, query = {}) => bank.fetchOffers(query, never);
const detailsOf = ({ requests }: DataHolder) =>
  requests.filter(({ path }) => /products\/./.test(path));

describe('a bank', () => {
  it('is asked for its personal loans and the details of each, with encoded ids', async () => {
    const { holder, bank } = await aBank({
      products: [
        aProduct({ productId: 'L9 PL$/..' }),
        aProduct({ productCategory: 'TRAVEL_CARDS' }),
      ],
    });
    const answer = await ask(bank);
    expect(answer).toMatchObject({
      offers: [{ id: 'cdr:b:L9 PL$/..', provider: 'Bank', rate: 8.99 }],
      dropped: { 'other-category': 1 },
      unread: 0,
      isStale: false,
      versions: 'list 5, detail 7',
    });
    expect(holder.requests).toEqual([
      {
        path: '/cds-au/v1/banking/products?product-category=PERS_LOANS&effective=CURRENT&page=1&page-size=1000',
        version: '5',
        minVersion: '3',
      },
      { path: '/cds-au/v1/banking/products/L9%20PL%24%2F..', version: '7', minVersion: '4' },
    ]);
    expect(bank.owns('cdr:b:anything')).toBe(true);
    expect(bank.owns('cdr:bc:anything')).toBe(false);
  });

  it('serves every query from one catalogue', async () => {
    const { holder, bank } = await aBank({ products: many(3) });
    await Promise.all([5000, 6000, 7000].map((amount) => ask(bank, { amount })));
    expect(await ask(bank, { amount: 4999 })).toMatchObject({
      offers: [],
      dropped: { 'amount-outside-limits': 3 },
    });
    expect(holder.requests).toHaveLength(4);
  });

  it('keeps the same offer objects for unchanged products only', async () => {
    const products = [aProduct({ productId: 'one' }), aProduct({ productId: 'two' })];
    const { holder, bank } = await aBank({ products }, { ttl_s: 0 });
    const first = (await ask(bank)).offers;
    const again = (await ask(bank)).offers;
    expect(detailsOf(holder)).toHaveLength(4);
    expect(again).toEqual(first);
    expect(again.map((offer, i) => offer === first[i])).toEqual([true, true]);

    products[1] = aProduct({ productId: 'two', lendingRates: [aRate({ rate: '0.05' })] });
    const changed = (await ask(bank)).offers;
    expect(changed[0]).toBe(first[0]);
    expect(changed[1]).toMatchObject({ id: 'cdr:b:two', rate: 5 });
    const [offer] = (await ask(bank, { amount: 6000 })).offers;
    expect(offer).toMatchObject({ id: 'cdr:b:one', amount: 6000 });

    products.push(aProduct({ productId: 'three' }));
    expect((await ask(bank)).offers.map(({ id }) => id)).toContain('cdr:b:three');
  });

  it('names offers by product brand only if there are several brands', async () => {
    const one = await aBank({ products: [aProduct({ brandName: 'Other' })] });
    expect((await ask(one.bank)).offers).toMatchObject([{ provider: 'Bank' }]);
    const two = await aBank({
      products: ['Red', 'Blue', ''].map((brandName, i) =>
        aProduct({ productId: String(i), brandName }),
      ),
    });
    const names = (await ask(two.bank)).offers.map(({ provider }) => provider);
    expect(names).toEqual(['Red', 'Blue', 'Bank']);
  });

  describe('page by page', () => {
    it('follows the links to the last page, even if the page size is ignored', async () => {
      const { holder, bank } = await aBank({ products: many(60), pageSize: 25 });
      expect((await ask(bank)).offers).toHaveLength(60);
      expect(holder.requests.filter(({ path }) => path.includes('page='))).toHaveLength(3);
    });

    it.each<[string, (page: number, base: string) => string | null | undefined, number]>([
      ['null', () => null, 1],
      ['missing', () => undefined, 1],
      ['empty', () => '', 1],
      ['no URL', () => 'http://[', 1],
      ['relative', (page) => `?page=${String(page + 1)}`, 4],
      ['to itself', (page, base) => `${base}/banking/products?page=${String(page)}`, 2],
      ['back and forth', (page, base) => `${base}/banking/products?page=${String(3 - page)}`, 3],
      ['on and on', (page, base) => `${base}/banking/products?page=${String(page + 1)}`, 4],
    ])('stops if the next link is %s', async (_, nextLink, pages) => {
      const { holder, bank } = await aBank({ products: many(6), pageSize: 2, nextLink });
      const { offers } = await ask(bank);
      expect(offers).toHaveLength(2 * Math.min(pages === 2 ? 1 : pages === 3 ? 2 : pages, 3));
      expect(holder.requests.filter(({ path }) => !path.includes('products/'))).toHaveLength(pages);
    });

    it('keeps what the first pages listed when a later one fails', async () => {
      const { bank } = await aBank({
        products: many(4),
        pageSize: 2,
        misbehave: (path, res) => path.endsWith('page=2') && !!res.writeHead(500).end(),
      });
      expect(await ask(bank)).toMatchObject({ offers: [{}, {}], unread: 1 });
    });
  });

  describe('in a version that both sides support', () => {
    it.each<[string, [number, number], [number, number], string[]]>([
      ['the newest', [3, 9], [4, 9], ['5/3', '7/4']],
      ['an older one within the range', [3, 3], [4, 4], ['5/3', '7/4']],
      [
        'one below the range',
        [2, 2],
        [3, 3],
        ['5/3', '4/3', '3/-', '2/-', '7/4', '6/4', '5/4', '4/-', '3/-'],
      ],
    ])('asks for %s', async (_, list, detail, asked) => {
      const { holder, bank } = await aBank({ versions: { list, detail } });
      expect((await ask(bank)).offers).toHaveLength(1);
      const versions = holder.requests.map(
        ({ version, minVersion }) => `${version}/${minVersion ?? '-'}`,
      );
      expect(versions).toEqual(asked);
    });

    it('remembers the version for the next call', async () => {
      const { holder, bank } = await aBank(
        { versions: { list: [1, 1], detail: [1, 1] } },
        { ttl_s: 0 },
      );
      await ask(bank);
      holder.requests.splice(0);
      expect((await ask(bank)).versions).toBe('list 1, detail 1');
      expect(holder.requests.map(({ version }) => version)).toEqual(['1', '1']);
    });

    it('keeps the version if one product does not support it', async () => {
      const { bank } = await aBank({
        products: many(30),
        misbehave: (path, res) => path.includes('loan%207') && !!res.writeHead(406).end(),
      });
      expect(await ask(bank)).toMatchObject({ unread: 1, versions: 'list 5, detail 7' });
    });

    it('fails if there is none, and starts at the newest the next time', async () => {
      const { holder, bank } = await aBank({ versions: { list: [8, 9], detail: [8, 9] } });
      for (let i = 0; i < 2; i++) {
        await expect(ask(bank)).rejects.toMatchObject({ code: 'error' });
        expect(holder.requests.splice(0).map(({ version }) => version)).toEqual([
          '5',
          '4',
          '3',
          '2',
          '1',
        ]);
      }
    });

    it('steps down once for concurrent detail requests', async () => {
      const { holder, bank } = await aBank({
        products: many(20),
        versions: { list: [3, 5], detail: [3, 3] },
      });
      expect((await ask(bank)).offers).toHaveLength(20);
      // Four run concurrently, and four versions are too new.
      expect(detailsOf(holder).length).toBeLessThanOrEqual(20 + 4 * 4);
    });
  });

  it('requests at most four details at once', async () => {
    const { holder, bank } = await aBank({
      products: many(20),
      misbehave: async () => {
        await eventLoopTurns();
        return false;
      },
    });
    expect((await ask(bank)).offers).toHaveLength(20);
    expect(holder.mostAtOnce()).toBe(4);
  });

  it('with one broken detail of forty gives thirty-nine, and requests only that one the next time', async () => {
    let broken = true;
    const { holder, bank } = await aBank({
      products: many(40),
      misbehave: (path, res) =>
        broken && path.includes('loan%2013') && !!res.writeHead(500).end('oops'),
    });
    expect(await ask(bank)).toMatchObject({ unread: 1 });
    expect((await ask(bank)).offers).toHaveLength(39);
    broken = false;
    letTimePass(61_000);
    holder.requests.splice(0);
    expect(await ask(bank)).toMatchObject({ unread: 1, isStale: true });
    await until(async () => (await ask(bank)).unread === 0);
    expect(await ask(bank)).toMatchObject({ unread: 0, isStale: false });
    expect(detailsOf(holder).map(({ path }) => path)).toEqual([
      '/cds-au/v1/banking/products/loan%2013%24',
    ]);
  });

  it('returns what it has read at its deadline', async () => {
    jest.useFakeTimers({ doNotFake: allButTimeouts });
    opened.push(() => Promise.resolve(void jest.useRealTimers()));
    const { bank, holder } = await aBank({
      products: many(40),
      // Thirty of them never get a response.
      misbehave: (path) => /loan%20[1-3][0-9]/.test(path),
    });
    const asking = ask(bank);
    await until(() => detailsOf(holder).length === 14);
    jest.advanceTimersByTime(60_000);
    const { offers, unread } = await asking;
    expect([offers.length, unread]).toEqual([10, 30]);
  });

  describe('that limits the request rate', () => {
    it('is paused for as long as it says, and then asked again', async () => {
      const { bank } = await aBank({
        misbehave: (path, res, seen) =>
          path.includes('products/') &&
          seen === 0 &&
          !!res.writeHead(429, { 'retry-after': '1' }).end(),
      });
      const startedAt = performance.now();
      expect((await ask(bank)).offers).toHaveLength(1);
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
    });

    it.each([
      ['for a long time', '3600'],
      ['until a date', () => new Date(Date.now() + 3_600_000).toUTCString()],
      ['without saying for how long', ''],
      ['forever', '9'.repeat(30)],
    ])('%s, gets no calls in the meantime', async (_, retryAfter) => {
      const { holder, bank } = await aBank({
        misbehave: (_path, res) => {
          const value = typeof retryAfter === 'string' ? retryAfter : retryAfter();
          res.writeHead(429, value === '' ? {} : { 'retry-after': value }).end();
          return true;
        },
      });
      for (let i = 0; i < 3; i++) {
        await expect(ask(bank)).rejects.toMatchObject({ code: 'rate-limited' });
      }
      expect(holder.requests).toHaveLength(1);
    });

    it('repeatedly with no pause, gets four calls', async () => {
      const { holder, bank } = await aBank({
        misbehave: (_path, res) => !!res.writeHead(429, { 'retry-after': '0' }).end(),
      });
      await expect(ask(bank)).rejects.toMatchObject({ code: 'rate-limited' });
      expect(holder.requests).toHaveLength(4);
    });
  });

  describe('that returns garbage', () => {
    it.each<[string, string, string]>([
      ['no JSON', '<html>', 'invalid'],
      ['another JSON', '[]', 'invalid'],
      ['no list', '{"data":{"products":7}}', 'invalid'],
      ['deeply nested JSON', '['.repeat(100_000) + ']'.repeat(100_000), 'invalid'],
    ])('as its list (%s), fails', async (_, body, code) => {
      const { bank } = await aBank({ misbehave: (_path, res) => !!res.end(body) });
      await expect(ask(bank)).rejects.toMatchObject({ code });
    });

    it('as one product, counts that product as unread', async () => {
      const { bank } = await aBank({
        products: many(3),
        misbehave: (path, res) => path.includes('loan%201') && !!res.end('{"data":7}'),
      });
      expect(await ask(bank)).toMatchObject({ offers: [{}, {}], unread: 1 });
    });

    it('as products of a list, drops them', async () => {
      const products = [
        { productId: 'a', productCategory: 'PERS_LOANS' },
        7,
        null,
        { productId: '' },
      ];
      const { bank } = await aBank({
        products: [aProduct({ productId: 'a' })],
        misbehave: (path, res) =>
          path.includes('page=') && !!res.end(JSON.stringify({ data: { products } })),
      });
      expect(await ask(bank)).toMatchObject({ offers: [{}], dropped: { unreadable: 3 } });
    });

    it('drops a product that is gone when it is requested', async () => {
      const { bank } = await aBank({
        products: many(2),
        misbehave: (path, res) => path.includes('loan%200') && !!res.writeHead(404).end(),
      });
      expect(await ask(bank)).toMatchObject({
        offers: [{}],
        dropped: { 'not-found': 1 },
        unread: 0,
      });
    });

    it('keeps at most 16 MiB of it', async () => {
      const products = Array.from({ length: 6 }, (_, i) =>
        aProduct({ productId: String(i), name: 'x'.repeat(4 * 1024 * 1024) }),
      );
      const { bank } = await aBank({
        products,
        misbehave: (path, res) => {
          if (!path.includes('page=')) return false;
          const listed = products.map(({ productId }) => ({
            productId,
            productCategory: 'PERS_LOANS',
          }));
          res.end(JSON.stringify({ data: { products: listed } }));
          return true;
        },
      });
      expect(await ask(bank)).toMatchObject({ unread: 3 });
    });
  });

  it('keeps known products that cannot be read again, and reports their age', async () => {
    let down = false;
    const { bank } = await aBank(
      {
        products: many(4),
        pageSize: 2,
        misbehave: (path, res) =>
          down &&
          !path.includes('page=1') &&
          !path.includes('loan%200') &&
          !!res.writeHead(503).end(),
      },
      { ttl_s: 100 },
    );
    await ask(bank);
    down = true;
    letTimePass(150_000);
    await until(async () => (await ask(bank)).unread !== 0);
    const answer = await ask(bank);
    expect(answer).toMatchObject({ offers: [{}, {}, {}, {}], unread: 4, isStale: true });
    expect(answer.ageMs).toBeGreaterThan(149_000);
  });

  it.each([
    ['a page about maintenance', 200, '{"message":"maintenance"}'],
    ['a temporary 404', 404, ''],
  ])('does not treat %s as a removed product', async (_, status, body) => {
    let away = false;
    const { bank, holder } = await aBank(
      {
        misbehave: (path, res) =>
          away && path.includes('products/') && !!res.writeHead(status).end(body),
      },
      { ttl_s: 100 },
    );
    await ask(bank);
    away = true;
    letTimePass(150_000);
    holder.requests.splice(0);
    await until(async () => (await ask(bank)).unread === 1);
    expect(detailsOf(holder)).toHaveLength(1);
    expect(await ask(bank)).toMatchObject({ offers: [{}], unread: 1, isStale: true });
  });

  it('reads all of a page that is longer than requested', async () => {
    const { bank } = await aBank({ products: many(1100), pageSize: 1100 }, {});
    expect(await ask(bank)).toMatchObject({ unread: 100 });
  });

  it('remembers no more products than it reads, however many are listed', async () => {
    let load = 0;
    const { bank } = await aBank(
      {
        misbehave: (path, res) => {
          if (!path.includes('page=')) return !!res.writeHead(404).end();
          if (path.endsWith('page=2')) return !!res.writeHead(500).end();
          load += 1;
          const products = Array.from({ length: 900 }, (_, i) => ({
            productId: `${String(load)}-${String(i)}`,
            productCategory: 'PERS_LOANS',
          }));
          const links = { next: '?page=2' };
          return !!res.end(JSON.stringify({ data: { products }, links }));
        },
      },
      { ttl_s: 3600 },
    );
    expect(await ask(bank)).toMatchObject({ dropped: { 'not-found': 900 } });
    letTimePass(61_000);
    await until(async () => (await ask(bank)).dropped?.['not-found'] !== 900);
    expect((await ask(bank)).dropped).toEqual({ 'not-found': 1000 });
  });

  it('is never called by the name of another provider', async () => {
    const holder = await startDataHolder({
      products: ['Bank', 'Good', 'Other'].map((brandName, i) =>
        aProduct({ productId: String(i), brandName }),
      ),
    });
    const entries = ['Bank', 'Good'].map((name) => ({
      ...{ type: 'cdr', name, brand_id: name, base_uri: holder.url },
    }));
    const { logger } = recordingLogger();
    const options = { timeoutMs: 1000, allowPrivate: true, logger };
    const listed = providersSchema.parse({ providers: entries });
    const { providers, close } = createProviders(listed, options);
    opened.push(holder.close, close);
    const names = (await ask(providers[0]!)).offers.map(({ provider }) => provider);
    expect(names).toEqual(['Bank', 'Bank', 'Other']);
  });

  it('serves a stale catalogue while refreshes fail, but not one that is too old', async () => {
    let down = false;
    const { bank, lines } = await aBank(
      { misbehave: (_path, res) => down && !!res.writeHead(503).end() },
      { ttl_s: 10 },
    );
    await ask(bank);
    down = true;
    const clock = performance.now.bind(performance);
    let skippedMs = 15_000;
    jest.spyOn(performance, 'now').mockImplementation(() => clock() + skippedMs);
    expect(await ask(bank)).toMatchObject({ offers: [{}], isStale: true });
    await until(() => lines.length > 0);
    expect(lines).toMatchObject([
      { level: 'warn', provider: 'Bank', msg: 'catalogue not refreshed' },
    ]);
    skippedMs = 39_000;
    const { ageMs } = await ask(bank);
    expect(ageMs).toBeGreaterThan(38_000);
    skippedMs = 41_000;
    await expect(ask(bank)).rejects.toMatchObject({ code: 'error' });
  });
});
