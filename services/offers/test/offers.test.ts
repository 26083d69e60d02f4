import request from 'supertest';
import type { Provider } from '../src/offers/provider';
import { useService, anOffer, threeMocks } from './builders';

const aService = useService();

const sorted =
  '[{"id":"offer2","provider":"ProviderB","rate":2.9,"amount":12000},' +
  '{"id":"offer1","provider":"ProviderA","rate":3.5,"amount":10000},' +
  '{"id":"offer3","provider":"ProviderC","rate":4.1,"amount":9000}]';

describe('GET /offers', () => {
  it('answers with the offers of all providers, cheapest first, to the letter', async () => {
    const response = await request(aService().app).get('/offers').expect(200);
    expect(response.text).toBe(sorted);
    expect(response.headers).not.toHaveProperty('missing-providers');
    expect(response.headers['server-timing']).toMatch(
      /^ProviderA;dur=[\d.]+, ProviderB;dur=[\d.]+, ProviderC;dur=[\d.]+$/,
    );
  });

  it('asks the providers at once: three slow ones take as long as the slowest', async () => {
    const providers = threeMocks({
      ProviderA: { latencyMs: 100 },
      ProviderB: { latencyMs: 200 },
      ProviderC: { latencyMs: 300 },
    });
    const { app } = aService({ providers, timeoutMs: 1000 });
    const startedAt = performance.now();
    const { text } = await request(app).get('/offers').expect(200);
    expect(text).toBe(sorted);
    expect(performance.now() - startedAt).toBeLessThan(550);
  });

  it.each([
    ['hang', 'timeout'],
    ['error', 'error'],
    ['garbage', 'invalid'],
  ] as const)('leaves out a provider with fault %s and says %s', async (fault, reason) => {
    const { app, lines } = aService({ providers: threeMocks({ ProviderB: { fault } }) });
    const response = await request(app).get('/offers').expect(200);
    expect((response.body as { id: string }[]).map(({ id }) => id)).toEqual(['offer1', 'offer3']);
    expect(response.headers['missing-providers']).toBe(`"ProviderB";reason=${reason}`);
    expect(response.headers['server-timing']).toContain(`;desc="${reason}"`);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 'warn', provider: 'ProviderB', reason }),
    );
  });

  it('answers 503 with the reasons when no provider is left', async () => {
    const providers = threeMocks({
      ProviderA: { fault: 'error' },
      ProviderB: { fault: 'hang' },
      ProviderC: { fault: 'garbage' },
    });
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

  it('answers in time whatever a provider does', async () => {
    const hostile: Provider = {
      name: 'Höstile "Bank"',
      owns: () => false,
      fetchOffers: () => {
        throw new TypeError('not even a promise');
      },
    };
    const late: Provider = {
      name: 'Late',
      owns: () => false,
      fetchOffers: () => new Promise((_, reject) => setTimeout(reject, 120, new Error('too late'))),
    };
    const { app } = aService({ providers: [hostile, late, ...threeMocks()], timeoutMs: 100 });
    const response = await request(app).get('/offers').expect(200);
    expect(response.headers['missing-providers']).toBe(
      '"H?stile \\"Bank\\"";reason=error, "Late";reason=timeout',
    );
    expect(response.headers['server-timing']).toMatch(/^H-stile--Bank-;dur=/);
  });

  it('tells a provider when nobody waits for it any longer', async () => {
    let signal: AbortSignal | undefined;
    const silent: Provider = {
      name: 'Silent',
      owns: () => false,
      fetchOffers: (deadline) => {
        signal = deadline.signal;
        return new Promise(() => undefined);
      },
    };
    const { app } = aService({ providers: [silent, ...threeMocks()], timeoutMs: 50 });
    await request(app).get('/offers').expect(200);
    expect(signal?.aborted).toBe(true);
  });

  it('shows a changed offer at once', async () => {
    let rate = 2;
    const changing: Provider = {
      name: 'Changing',
      owns: (id) => id === 'c',
      fetchOffers: () => Promise.resolve([anOffer({ id: 'c', provider: 'Changing', rate })]),
    };
    const { app } = aService({ providers: [changing] });
    expect((await request(app).get('/offers')).body).toMatchObject([{ rate: 2 }]);
    rate = 3;
    expect((await request(app).get('/offers')).body).toMatchObject([{ rate: 3 }]);
  });
});

describe('GET /offers/{id}', () => {
  it('answers with the one offer', async () => {
    const response = await request(aService().app).get('/offers/offer3').expect(200);
    expect(response.body).toEqual({ id: 'offer3', provider: 'ProviderC', rate: 4.1, amount: 9000 });
  });

  it('answers 404 where no provider has it', async () => {
    const response = await request(aService().app).get('/offers/offer9').expect(404);
    expect(response.body).toMatchObject({ code: 'offer-not-found' });
  });

  it('waits for no other provider', async () => {
    const providers = threeMocks({ ProviderA: { fault: 'hang' } });
    const startedAt = performance.now();
    await request(aService({ providers, timeoutMs: 2000 }).app)
      .get('/offers/offer3')
      .expect(200);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('does not call an offer unknown while its provider is silent', async () => {
    const providers = threeMocks({ ProviderC: { fault: 'hang' } });
    const response = await request(aService({ providers }).app).get('/offers/offer3').expect(503);
    expect(response.headers['retry-after']).toBe('1');
    expect(response.body).toMatchObject({
      code: 'provider-unavailable',
      missing: [{ provider: 'ProviderC', reason: 'timeout' }],
    });
  });
});
