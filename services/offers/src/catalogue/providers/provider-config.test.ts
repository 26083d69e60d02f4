import { defaultProviders, providersSchema } from './provider-config';

const offer = { id: 'a1', rate: 1, amount: 2 };
const mock = { type: 'mock', name: 'A', offers: [offer] };
const bank = {
  type: 'cdr',
  name: 'Bank',
  brand_id: 'b1',
  base_uri: 'https://bank.example/public/',
};

describe('defaultProviders', () => {
  it('are the three mocks', () => {
    expect(defaultProviders.map(({ name }) => name)).toEqual([
      'ProviderA',
      'ProviderB',
      'ProviderC',
    ]);
  });
});

describe('providersSchema', () => {
  it('accepts mocks and banks', () => {
    const listed = providersSchema.parse({
      providers: [{ ...mock, latency_ms: 50, fault: 'none' }, bank],
    });
    expect(listed).toMatchObject([
      { name: 'A', offerIds: ['a1'] },
      { name: 'Bank', offerIds: ['cdr:b1:'] },
    ]);
  });

  it.each<[string, unknown, RegExp, PropertyKey[]]>([
    ['a list', [mock], /expected object/, []],
    ['no provider', { providers: [] }, /Too small/, ['providers']],
    ['something beside the list', { providers: [mock], more: 1 }, /more/, []],
    ...(
      [
        ['an unknown type', { ...mock, type: 'x' }, /Invalid/, ['type']],
        ['an unknown member', { ...mock, latency: 5 }, /latency/, []],
        ['an unknown fault', { ...mock, fault: 'slow' }, /Invalid/, ['fault']],
        [
          'an impossible rate',
          { ...mock, offers: [{ ...offer, rate: 0 }] },
          /Too small/,
          ['offers', 0, 'rate'],
        ],
        [
          'a mock with the id of a cdr offer',
          { ...mock, offers: [{ ...offer, id: 'cdr:b1:x' }] },
          /reserved for cdr providers/,
          ['offers', 0],
        ],
        ['a base that is not a URL', { ...bank, base_uri: 'bank.example' }, /URL/, ['base_uri']],
        [
          'a base with credentials',
          { ...bank, base_uri: 'https://a:b@bank.example' },
          /user/,
          ['base_uri'],
        ],
        [
          'a base with the standard’s path',
          { ...bank, base_uri: 'https://bank.example/cds-au/v1' },
          /without/,
          ['base_uri'],
        ],
        ['an invalid brand id', { ...bank, brand_id: 'a:b' }, /id of the register/, ['brand_id']],
        ['a zero timeout', { ...bank, timeout_ms: 0 }, /Too small/, ['timeout_ms']],
      ] as const
    ).map(([what, entry, reason, path]): [string, unknown, RegExp, PropertyKey[]] => [
      what,
      { providers: [entry] },
      reason,
      ['providers', 0, ...path],
    ]),
    [
      'a duplicate name',
      { providers: [mock, { ...mock, offers: [{ ...offer, id: 'b' }] }] },
      /has the name A/,
      ['providers', 1],
    ],
    [
      'a duplicate offer id',
      { providers: [mock, { ...mock, name: 'B' }] },
      /has the offer id a1/,
      ['providers', 1],
    ],
    [
      'a duplicate brand',
      { providers: [bank, { ...bank, name: 'B' }] },
      /has the offer id cdr:b1:/,
      ['providers', 1],
    ],
  ])('refuses %s', (_, listed, reason, path) => {
    const issue = providersSchema.safeParse(listed).error?.issues[0];
    expect(issue?.message).toMatch(reason);
    expect(issue?.path).toEqual(path);
  });
});
