// Long, because it has all behaviour of GET /offers and GET /offers/{id}, from providers to caches and queries.
import { stopClock, until } from '@loan-buddy/kit/testing';
import request from 'supertest';
import { anOffer, anOfferInFull, aProvider } from './builders';
import { threeMocks, useService } from './service';

const aService = useService();

/** Deadline of a provider that hangs. The others respond without a timer, and so before it. */
const HANG_MS = 50;
/** Longer than any test takes. */
const NEVER_MS = 3_600_000;

const sorted =
  '[{"id":"offer2","provider":"ProviderB","rate":2.9,"amount":12000},' +
  '{"id":"offer1","provider":"ProviderA","rate":3.5,"amount":10000},' +
  '{"id":"offer3","provider":"ProviderC","rate":4.1,"amount":9000}]';

describe('GET /offers', () => {
  it('returns the offers of all providers, cheapest first, in exactly this format', async () => {
    const response = await request(aService().app).get('/offers').expect(200);
    expect(response.text).toBe(sorted);
    expect(response.headers).not.toHaveProperty('missing-providers');
    expect(response.headers['server-timing']).toMatch(
      /^ProviderA;dur=[\d.]+, ProviderB;dur=[\d.]+, ProviderC;dur=[\d.]+$/,
    );
  });

  it('asks the providers in parallel: each is asked before any has responded', async () => {
    let asked = 0;
    let respond: () => void = () => undefined;
    const allAsked = new Promise<void>((resolve) => (respond = resolve));
    const providers = threeMocks().map((provider) => ({
      ...provider,
      fetchOffers: async (...args: Parameters<typeof provider.fetchOffers>) => {
        if (++asked === 3) respond();
        await allAsked;
        return provider.fetchOffers(...args);
      },
    }));
    const { text } = await request(aService({ providers }).app).get('/offers').expect(200);
    expect(text).toBe(sorted);
  });

  it('waits for slow mocks', async () => {
    const slow = {
      ProviderA: { latency_ms: 10 },
      ProviderB: { latency_ms: 20 },
      ProviderC: { latency_ms: 30 },
    };
    const { app } = aService({ providers: threeMocks(slow) });
    expect((await request(app).get('/offers').expect(200)).text).toBe(sorted);
  });

  it.each([
    ['hang', 'timeout'],
    ['error', 'error'],
    ['garbage', 'invalid'],
  ] as const)('omits a provider with fault %s and reports %s', async (fault, reason) => {
    const providers = threeMocks({ ProviderB: { fault } }, HANG_MS);
    const { app, lines } = aService({ providers });
    const response = await request(app).get('/offers').expect(200);
    expect((response.body as { id: string }[]).map(({ id }) => id)).toEqual(['offer1', 'offer3']);
    expect(response.headers['missing-providers']).toBe(`"ProviderB";reason=${reason}`);
    expect(response.headers['server-timing']).toContain(`;desc="${reason}"`);
    // A provider that ignores its signal gets a little more time.
    await until(() => lines.some(({ msg }) => msg === 'provider failed'));
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', provider: 'ProviderB', reason }),
    );
  });

  it('returns 503 with the reasons if all providers fail', async () => {
    const providers = threeMocks(
      {
        ProviderA: { fault: 'error' },
        ProviderB: { fault: 'hang' },
        ProviderC: { fault: 'garbage' },
      },
      HANG_MS,
    );
    const response = await request(aService({ providers }).app).get('/offers').expect(503);
    expect(response.headers).toMatchObject({
      'retry-after': '1',
      'missing-providers':
        '"ProviderA";reason=error, "ProviderB";reason=timeout, "ProviderC";reason=invalid',
    });
    expect(response.body).toMatchObject({
      code: 'offers-unavailable',
      missing: [
        { provider: 'ProviderA', reason: 'error' },
        { provider: 'ProviderB', reason: 'timeout' },
        { provider: 'ProviderC', reason: 'invalid' },
      ],
    });
  });

  it('responds in time, whatever a provider does', async () => {
    const hostile = aProvider({
      name: 'Höstile "Bank"',
      owns: () => false,
      fetchOffers: () => {
        throw new TypeError('not even a promise');
      },
    });
    let fail: (error: Error) => void = () => undefined;
    const late = aProvider({
      name: 'Late',
      owns: () => false,
      fetchOffers: () => new Promise((_, reject) => (fail = reject)),
    });
    const { app } = aService({
      providers: [hostile, late, ...threeMocks()],
      PROVIDER_TIMEOUT_MS: HANG_MS,
    });
    const response = await request(app).get('/offers').expect(200);
    expect(response.headers['missing-providers']).toBe(
      '"H?stile \\"Bank\\"";reason=error, "Late";reason=timeout',
    );
    expect(response.headers['server-timing']).toMatch(/^H-stile--Bank-;dur=/);
    fail(new Error('too late'));
  });

  it('lets a late provider continue until its own deadline, and uses its offers for the next request', async () => {
    let signal: AbortSignal | undefined;
    let respond: () => void = () => undefined;
    const late = aProvider({
      fetchOffers: (_, { signal: itsSignal }) => {
        signal = itsSignal;
        return new Promise((resolve) => {
          respond = () => {
            resolve({ offers: [anOffer()] });
          };
        });
      },
    });
    stopClock();
    const { app } = aService({
      providers: [late],
      PROVIDER_TIMEOUT_MS: HANG_MS,
      OFFERS_TTL_MS: 60_000,
    });
    const first = await request(app).get('/offers').expect(503);
    expect(first.headers['missing-providers']).toBe('"ProviderB";reason=timeout');
    respond();
    const second = await request(app).get('/offers').expect(200);
    expect(second.body).toEqual([anOffer()]);
    expect(second.headers['server-timing']).toBe('ProviderB;dur=0.0;desc="fresh"');
    expect(signal?.aborted).toBe(false);
  });

  it('shows a changed offer once the cached one is no longer fresh', async () => {
    let rate = 2;
    const changing = aProvider({
      fetchOffers: () => Promise.resolve({ offers: [anOffer({ rate })] }),
    });
    const clock = stopClock();
    const { app } = aService({ providers: [changing], OFFERS_TTL_MS: 60 });
    expect((await request(app).get('/offers')).body).toMatchObject([{ rate: 2 }]);
    rate = 3;
    expect((await request(app).get('/offers')).body).toMatchObject([{ rate: 2 }]);
    clock.ms += 59;
    expect((await request(app).get('/offers')).body).toMatchObject([{ rate: 2 }]);
    clock.ms += 1;
    expect((await request(app).get('/offers')).body).toMatchObject([{ rate: 3 }]);
  });

  it('serves stale offers at once, marks them, and refreshes in the background', async () => {
    let calls = 0;
    let respond: () => void = () => undefined;
    const counting = aProvider({
      fetchOffers: async () => {
        calls += 1;
        if (calls > 1) await new Promise<void>((resolve) => (respond = resolve));
        return { offers: [anOffer({ rate: calls })] };
      },
    });
    const clock = stopClock();
    const { app } = aService({
      providers: [counting],
      OFFERS_TTL_MS: 20,
      OFFERS_MAX_AGE_MS: 60_000,
    });
    await request(app).get('/offers').expect(200);
    clock.ms += 7000;
    const stale = await request(app).get('/offers').expect(200);
    expect(stale.body).toMatchObject([{ rate: 1 }]);
    expect(stale.headers).toMatchObject({
      'stale-providers': '"ProviderB";age=7',
      'server-timing': 'ProviderB;dur=0.0;desc="stale"',
      age: '7',
      'cache-control': 'max-age=7',
    });
    respond();
    expect((await request(app).get('/offers')).body).toMatchObject([{ rate: 2 }]);
  });

  it('names providers that could not read all of their products', async () => {
    const partial = aProvider({
      fetchOffers: () => Promise.resolve({ offers: [anOffer()], unread: 3, ageMs: 7000 }),
    });
    stopClock();
    const { headers } = await request(aService({ providers: [partial] }).app).get('/offers');
    expect(headers).toMatchObject({ 'partial-providers': '"ProviderB";unread=3', age: '7' });
  });

  it('limits its headers, however many providers there are', async () => {
    const providers = Array.from({ length: 500 }, (_, i) =>
      aProvider({
        name: `${'x'.repeat(100)}${String(i)}`,
        fetchOffers: () => Promise.reject(new Error('x')),
      }),
    );
    const { app } = aService({ providers: [...providers, ...threeMocks()] });
    const { headers } = await request(app).get('/offers').expect(200);
    expect(JSON.stringify(headers).length).toBeLessThan(8000);
  });
});

describe('GET /offers, with all details', () => {
  it('has them after the original four fields, and includes the fees', async () => {
    const detailed = aProvider({ offers: [anOfferInFull()] });
    const { app } = aService({ providers: [detailed] });
    const plain = await request(app).get('/offers').expect(200);
    expect(plain.text).toBe(
      '[{"id":"offer2","provider":"ProviderB","rate":2.9,"amount":12000,"name":"Personal Loan","currency":"AUD",' +
        '"rate_max":20.5,"representative_rate":16,"comparison_rate":3.4,"min_amount":5000,"max_amount":50000,' +
        '"min_term_months":12,"max_term_months":84,"fees":{"upfront":250,"periodic":[{"amount":10,"months":1}]},' +
        '"url":"https://bank.example/apply","flags":["limit-unreadable"]}]',
    );
    const priced = await request(app).get('/offers?term_months=12').expect(200);
    // 1015.78 and the fee of 10 a month; twelve of them, and 250 at the start.
    expect(priced.body).toMatchObject([{ monthly_payment: 1025.78, total_cost: 12_559.36 }]);
    expect((priced.body as { apr: number }[])[0]?.apr).toBeGreaterThan(9);
  });
});

describe('GET /offers and HTTP caches', () => {
  it('reports its age and how long it stays fresh', async () => {
    const clock = stopClock();
    const { app } = aService({ OFFERS_TTL_MS: 5000 });
    await request(app).get('/offers').expect(200);
    clock.ms += 1500;
    const { headers } = await request(app).get('/offers').expect(200);
    expect(headers).toMatchObject({ age: '1', 'cache-control': 'max-age=4' });
    expect(headers['etag']).toMatch(/^"[\w-]{22}"$/);
  });

  it('returns 304 for a matching ETag, until the offers change', async () => {
    let rate = 2;
    const changing = aProvider({
      fetchOffers: () => Promise.resolve({ offers: [anOffer({ rate })] }),
    });
    const { app } = aService({ providers: [changing] });
    const etag = (await request(app).get('/offers')).headers['etag']!;
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const response = await request(app).get('/offers').set('If-None-Match', known).expect(304);
      expect(response.text).toBe('');
      expect(response.headers['etag']).toBe(etag);
    }
    await request(app).get('/offers').set('If-None-Match', '"x"').expect(200);
    rate = 3;
    const changed = await request(app).get('/offers').set('If-None-Match', etag).expect(200);
    expect(changed.headers['etag']).not.toBe(etag);
  });

  it('is never fresh while a provider is missing', async () => {
    const providers = threeMocks({ ProviderA: { fault: 'error' } });
    const { headers } = await request(aService({ providers, OFFERS_TTL_MS: 5000 }).app).get(
      '/offers',
    );
    expect(headers['cache-control']).toBe('max-age=0');
  });

  it('responds to HEAD as to GET, without the body', async () => {
    const response = await request(aService().app).head('/offers').expect(200);
    expect(response.headers).toMatchObject({ 'content-length': '195' });
    expect(response.text).toBeUndefined();
  });
});

describe('GET /offers with a query', () => {
  const idsOf = (response: request.Response) =>
    (response.body as { id: string }[]).map(({ id }) => id);

  it('lists the offers for an amount, and their cost over a term', async () => {
    const path = '/offers?amount=10000&term_months=36&sort=apr';
    const response = await request(aService().app).get(path).expect(200);
    expect(response.text).toBe(
      '[{"id":"offer2","provider":"ProviderB","rate":2.9,"amount":10000,"monthly_payment":290.37,"total_cost":10453.32,"apr":2.94,"apr_type":"eu-effective"},' +
        '{"id":"offer1","provider":"ProviderA","rate":3.5,"amount":10000,"monthly_payment":293.02,"total_cost":10548.72,"apr":3.56,"apr_type":"eu-effective"}]',
    );
  });

  it.each([
    ['order=desc', ['offer3', 'offer1', 'offer2']],
    ['limit=2', ['offer2', 'offer1']],
    ['term_months=12&sort=monthly_payment', ['offer3', 'offer1', 'offer2']],
    ['provider=ProviderC', ['offer3']],
    ['amount=12000.01', []],
  ])('%s lists %j', async (query, ids) => {
    expect(idsOf(await request(aService().app).get(`/offers?${query}`).expect(200))).toEqual(ids);
  });

  it('asks only the requested provider', async () => {
    const providers = threeMocks({ ProviderA: { fault: 'hang' } }, NEVER_MS);
    const { app } = aService({ providers, PROVIDER_TIMEOUT_MS: NEVER_MS });
    const { headers } = await request(app).get('/offers?provider=ProviderC').expect(200);
    expect(headers['server-timing']).toMatch(/^ProviderC;dur=[\d.]+$/);
  });

  it.each([
    ['amount=0', ['amount']],
    ['amount=-1', ['amount']],
    ['amount=1e3', ['amount']],
    ['amount=1&amount=2', ['amount']],
    ['amount=', ['amount']],
    ['term_months=0', ['term_months']],
    ['term_months=1.5', ['term_months']],
    ['term_months=601', ['term_months']],
    ['provider=ProviderX', ['provider']],
    ['sort=price', ['sort']],
    ['sort=apr', ['term_months']],
    ['order=up', ['order']],
    ['limit=0', ['limit']],
    ['limit=1001', ['limit']],
    ['ammount=1&colour=red', ['ammount', 'colour']],
    ['__proto__=1', ['__proto__']],
  ])('refuses %s and names %j', async (query, parameters) => {
    const response = await request(aService().app).get(`/offers?${query}`).expect(400);
    const { code, errors } = response.body as { code: string; errors: { parameter: string }[] };
    expect(code).toBe('validation-failed');
    expect(errors.map(({ parameter }) => parameter)).toEqual(parameters);
  });
});

describe('GET /offers/{id}', () => {
  it('returns the offer', async () => {
    const response = await request(aService().app).get('/offers/offer3').expect(200);
    expect(response.body).toEqual({ id: 'offer3', provider: 'ProviderC', rate: 4.1, amount: 9000 });
  });

  it('returns 404 if no provider has it', async () => {
    const response = await request(aService().app).get('/offers/offer9').expect(404);
    expect(response.body).toMatchObject({ code: 'offer-not-found' });
  });

  it('waits for no other provider', async () => {
    // If it asked ProviderA, the test would hang.
    const providers = threeMocks({ ProviderA: { fault: 'hang' } }, NEVER_MS);
    await request(aService({ providers, PROVIDER_TIMEOUT_MS: NEVER_MS }).app)
      .get('/offers/offer3')
      .expect(200);
  });

  it('does not return 404 while the offer’s provider does not respond', async () => {
    const providers = threeMocks({ ProviderC: { fault: 'hang' } }, HANG_MS);
    const response = await request(aService({ providers }).app).get('/offers/offer3').expect(503);
    expect(response.headers['retry-after']).toBe('1');
    expect(response.body).toMatchObject({
      code: 'provider-unavailable',
      missing: [{ provider: 'ProviderC', reason: 'timeout' }],
    });
  });

  it('returns its cost for an amount and a term', async () => {
    const path = '/offers/offer2?amount=5000&term_months=12';
    const response = await request(aService().app).get(path).expect(200);
    expect(response.body).toMatchObject({ amount: 5000, apr: 2.94, apr_type: 'eu-effective' });
    await request(aService().app).get('/offers/offer2?amount=12001').expect(404);
  });

  it('does not return 404 if the offer may be among unread products', async () => {
    const partial = aProvider({
      owns: () => true,
      fetchOffers: () => Promise.resolve({ offers: [anOffer()], unread: 1 }),
    });
    const { app } = aService({ providers: [partial] });
    await request(app).get('/offers/offer2').expect(200);
    const { body } = await request(app).get('/offers/other').expect(503);
    expect(body).toMatchObject({ missing: [{ provider: 'ProviderB', reason: 'partial' }] });
  });
});
