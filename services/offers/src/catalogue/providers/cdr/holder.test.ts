import { ask, detailsOf, manyProducts, useBanks } from '../../../../test/banks';

const aBank = useBanks();

describe('a bank', () => {
  describe('version negotiation', () => {
    it.each<[string, [number, number], [number, number], string[]]>([
      ['the newest', [3, 9], [4, 9], ['5/3', '7/4']],
      ['an older one within the range', [3, 3], [4, 4], ['5/3', '7/4']],
      [
        'one below the range',
        [2, 2],
        [3, 3],
        ['5/3', '4/3', '3/-', '2/-', '7/4', '6/4', '5/4', '4/-', '3/-'],
      ],
    ])('agrees on %s', async (_, list, detail, asked) => {
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
        products: manyProducts(30),
        misbehave: (path, res) => path.includes('loan%207') && !!res.writeHead(406).end(),
      });
      expect(await ask(bank)).toMatchObject({ unread: 1, versions: 'list 5, detail 7' });
    });

    it('fails without a common version, and starts at the newest the next time', async () => {
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
        products: manyProducts(20),
        versions: { list: [3, 5], detail: [3, 3] },
      });
      expect((await ask(bank)).offers).toHaveLength(20);
      // Four run concurrently, and four versions are too new.
      expect(detailsOf(holder).length).toBeLessThanOrEqual(20 + 4 * 4);
    });
  });

  describe('rate limiting', () => {
    it('waits for as long as the bank says, and then retries', async () => {
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
    ])('makes no calls while told to wait %s', async (_, retryAfter) => {
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

    it('gives up after four calls if told to retry at once each time', async () => {
      const { holder, bank } = await aBank({
        misbehave: (_path, res) => !!res.writeHead(429, { 'retry-after': '0' }).end(),
      });
      await expect(ask(bank)).rejects.toMatchObject({ code: 'rate-limited' });
      expect(holder.requests).toHaveLength(4);
    });
  });
});
