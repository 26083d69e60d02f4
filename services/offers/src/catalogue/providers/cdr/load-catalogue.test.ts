import { allButTimeouts, eventLoopTurns, letTimePass, until } from '@loan-buddy/kit/testing';
import { ask, detailsOf, manyProducts, useBanks } from '../../../../test/banks';
import { aProduct } from '../../../../test/data-holder';

// Before the banks are closed, which needs real timers.
afterEach(() => {
  jest.useRealTimers();
});

const aBank = useBanks();

describe('a bank', () => {
  describe('page by page', () => {
    it('follows the links to the last page, even if the page size is ignored', async () => {
      const { holder, bank } = await aBank({ products: manyProducts(60), pageSize: 25 });
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
      const { holder, bank } = await aBank({ products: manyProducts(6), pageSize: 2, nextLink });
      const { offers } = await ask(bank);
      expect(offers).toHaveLength(2 * Math.min(pages === 2 ? 1 : pages === 3 ? 2 : pages, 3));
      expect(holder.requests.filter(({ path }) => !path.includes('products/'))).toHaveLength(pages);
    });

    it('keeps what the first pages listed when a later one fails', async () => {
      const { bank } = await aBank({
        products: manyProducts(4),
        pageSize: 2,
        misbehave: (path, res) => path.endsWith('page=2') && !!res.writeHead(500).end(),
      });
      expect(await ask(bank)).toMatchObject({ offers: [{}, {}], unread: 1 });
    });
  });

  it('requests at most four details at once', async () => {
    const { holder, bank } = await aBank({
      products: manyProducts(20),
      misbehave: async () => {
        await eventLoopTurns();
        return false;
      },
    });
    expect((await ask(bank)).offers).toHaveLength(20);
    expect(holder.mostAtOnce()).toBe(4);
  });

  it('returns thirty-nine of forty products if one cannot be read, and later requests only that one', async () => {
    let broken = true;
    const { holder, bank } = await aBank({
      products: manyProducts(40),
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
    const { bank, holder } = await aBank({
      products: manyProducts(40),
      // Thirty of them never get a response.
      misbehave: (path) => /loan%20[1-3][0-9]/.test(path),
    });
    const asking = ask(bank);
    await until(() => detailsOf(holder).length === 14);
    jest.advanceTimersByTime(60_000);
    const { offers, unread } = await asking;
    expect([offers.length, unread]).toEqual([10, 30]);
  });

  describe('that returns garbage', () => {
    it.each<[string, string, string]>([
      ['not JSON', '<html>', 'invalid'],
      ['JSON, but not an object', '[]', 'invalid'],
      ['an object without a list', '{"data":{"products":7}}', 'invalid'],
      ['deeply nested JSON', '['.repeat(100_000) + ']'.repeat(100_000), 'invalid'],
    ])('fails if its list is %s', async (_, body, code) => {
      const { bank } = await aBank({ misbehave: (_path, res) => !!res.end(body) });
      await expect(ask(bank)).rejects.toMatchObject({ code });
    });

    it('counts a product as unread if its page is garbage', async () => {
      const { bank } = await aBank({
        products: manyProducts(3),
        misbehave: (path, res) => path.includes('loan%201') && !!res.end('{"data":7}'),
      });
      expect(await ask(bank)).toMatchObject({ offers: [{}, {}], unread: 1 });
    });

    it('drops garbage in its list', async () => {
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
        products: manyProducts(2),
        misbehave: (path, res) => path.includes('loan%200') && !!res.writeHead(404).end(),
      });
      expect(await ask(bank)).toMatchObject({
        offers: [{}],
        dropped: { 'not-found': 1 },
        unread: 0,
      });
    });

    it('keeps at most 16 MiB of products', async () => {
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

  it('reads all of a page that is longer than requested', async () => {
    const { bank } = await aBank({ products: manyProducts(1100), pageSize: 1100 }, {});
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
});
