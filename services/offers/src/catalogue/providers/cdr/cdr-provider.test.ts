import { letTimePass, until } from '@loan-buddy/kit/testing';
import { ask, detailsOf, manyProducts, useBanks } from '../../../../test/banks';
import { aProduct, aRate } from '../../../../test/data-holder';

const aBank = useBanks();

describe('a bank', () => {
  it('is asked for its personal loans and the details of each, with encoded ids', async () => {
    const { holder, bank } = await aBank({
      products: [
        aProduct({ productId: 'L9 PL$/..' }),
        aProduct({ productCategory: 'TRAVEL_CARDS' }),
      ],
    });
    const result = await ask(bank);
    expect(result).toMatchObject({
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
    const { holder, bank } = await aBank({ products: manyProducts(3) });
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

  it('keeps known products that cannot be read again, and reports their age', async () => {
    let down = false;
    const { bank } = await aBank(
      {
        products: manyProducts(4),
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
    const result = await ask(bank);
    expect(result).toMatchObject({ offers: [{}, {}, {}, {}], unread: 4, isStale: true });
    expect(result.ageMs).toBeGreaterThan(149_000);
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

  it('never takes the name of another provider', async () => {
    const { bank } = await aBank(
      {
        products: ['Bank', 'Good', 'Other'].map((brandName, i) =>
          aProduct({ productId: String(i), brandName }),
        ),
      },
      { name: 'Bank', brand_id: 'Bank' },
      { name: 'Good', brand_id: 'Good' },
    );
    const names = (await ask(bank)).offers.map(({ provider }) => provider);
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
