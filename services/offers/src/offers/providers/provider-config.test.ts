import { createProviders, providersSchema } from './provider-config';

const offer = { id: 'a1', rate: 1, amount: 2 };
const mock = { type: 'mock', name: 'A', offers: [offer] };

describe('createProviders', () => {
  it('makes the three mocks where nothing is listed', () => {
    const names = createProviders().map(({ name }) => name);
    expect(names).toEqual(['ProviderA', 'ProviderB', 'ProviderC']);
  });

  it('makes the providers that are listed', async () => {
    const [provider] = createProviders(providersSchema.parse([{ ...mock, latencyMs: 1 }]));
    expect(await provider!.fetchOffers(new AbortController())).toEqual([
      { id: 'a1', provider: 'A', rate: 1, amount: 2 },
    ]);
    expect([provider!.owns('a1'), provider!.owns('a2')]).toEqual([true, false]);
  });
});

describe('providersSchema', () => {
  it.each<[string, unknown, RegExp]>([
    ['no list', {}, /expected array/],
    ['no provider', [], /Too small/],
    ['an unknown type', [{ ...mock, type: 'x' }], /type/],
    ['an unknown member', [{ ...mock, latency: 5 }], /latency/],
    ['an unknown fault', [{ ...mock, fault: 'slow' }], /fault/],
    ['an impossible rate', [{ ...mock, offers: [{ ...offer, rate: 0 }] }], /rate/],
    [
      'more offers than one provider may have',
      [
        {
          ...mock,
          offers: Array.from({ length: 10_001 }, (_, i) => ({ ...offer, id: `a${String(i)}` })),
        },
      ],
      /Too big/,
    ],
    ['two of a name', [mock, { ...mock, offers: [{ ...offer, id: 'b' }] }], /same name/],
    ['two offers of an id', [mock, { ...mock, name: 'B' }], /same id/],
  ])('refuses %s', (_, listed, reason) => {
    expect(providersSchema.safeParse(listed).error?.message).toMatch(reason);
  });
});
