import type { LookupFunction } from 'node:net';
import { startNameServer, type DnsResponse, type NameServer } from '../../../kit/testing';
import {
  createPublicLookup,
  isPublicAddress,
  publicOnly,
  requirePublicUrl,
} from './public-address';
import { createResolveName } from './resolve-name';

describe('isPublicAddress', () => {
  it.each(['1.1.1.1', '8.8.8.8', '203.0.114.1', '2606:4700::1111', '::ffff:1.1.1.1'])(
    'accepts %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    ['this machine', '127.0.0.1'],
    ['this machine, IPv6', '::1'],
    ['this machine, IPv4 in IPv6', '::ffff:127.0.0.1'],
    ['this machine, hexadecimal', '::ffff:7f00:1'],
    ['the unspecified address', '0.0.0.0'],
    ['the unspecified address, IPv6', '::'],
    ['the metadata server', '169.254.169.254'],
    ['the metadata server, IPv6', 'fd00:ec2::254'],
    ['private 10/8', '10.0.0.1'],
    ['private 172.16/12', '172.31.255.255'],
    ['private 192.168/16', '192.168.1.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['documentation', '192.0.2.1'],
    ['benchmarks', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['reserved', '240.0.0.1'],
    ['a link', 'fe80::1'],
    ['unique local', 'fc00::1'],
    ['IPv4 through NAT64', '64:ff9b::7f00:1'],
    ['IPv4 through 6to4', '2002:7f00:1::'],
    ['Teredo', '2001::1'],
    ['multicast, IPv6', 'ff02::1'],
    ['IPv4-compatible IPv6', '::7f00:1'],
    ['unallocated IPv6', '4000::1'],
    ['a name', 'example.com'],
  ])('refuses %s', (_, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('requirePublicUrl', () => {
  it.each(['https://example.com/x', 'https://1.1.1.1:8443', 'https://[2606:4700::1111]/'])(
    'accepts %s',
    (url) => {
      expect(() => {
        requirePublicUrl(new URL(url));
      }).not.toThrow();
    },
  );

  it.each([
    'http://example.com',
    'ftp://example.com',
    'https://127.0.0.1',
    'https://127.1',
    'https://0x7f000001',
    'https://2130706433',
    'https://0177.0.0.1',
    'https://[::1]',
    'https://[::ffff:169.254.169.254]',
  ])('refuses %s', (url) => {
    expect(() => {
      requirePublicUrl(new URL(url));
    }).toThrow(expect.objectContaining({ code: 'forbidden-address' }) as Error);
  });
});

describe('a lookup of public addresses', () => {
  const zone: Record<string, { 4: DnsResponse; 6: DnsResponse }> = {
    'public.example': { 4: ['1.1.1.1', '1.0.0.1'], 6: ['2606:4700::1111'] },
    'six.example': { 4: [], 6: ['2606:4700::1111'] },
    'private.example': { 4: ['10.0.0.1'], 6: [] },
    'mixed.example': { 4: ['1.1.1.1', '169.254.169.254'], 6: [] },
    'mixed-families.example': { 4: ['1.1.1.1'], 6: ['::1'] },
    'broken.example': { 4: 'servfail', 6: 'servfail' },
  };
  let server: NameServer;
  let lookup: LookupFunction;
  beforeAll(async () => {
    server = await startNameServer((name, family) => zone[name]?.[family] ?? 'nxdomain');
    lookup = createPublicLookup(createResolveName({ servers: [server.address] }));
  });
  afterAll(() => server.close());

  const answerTo = (name: string, options: Parameters<LookupFunction>[1]) =>
    new Promise((resolve) => {
      lookup(name, options, (...result) => {
        resolve(result);
      });
    });

  it('returns the addresses in the requested form', async () => {
    const four = ['1.1.1.1', '1.0.0.1'].map((address) => ({ address, family: 4 }));
    const six = [{ address: '2606:4700::1111', family: 6 }];
    expect(await answerTo('public.example', { all: true })).toEqual([null, [...four, ...six]]);
    expect(await answerTo('public.example', { all: true, family: 6 })).toEqual([null, six]);
    expect(await answerTo('public.example', { all: true, family: 'IPv4' })).toEqual([null, four]);
    expect(await answerTo('public.example', {})).toEqual([null, '1.1.1.1', 4]);
    expect(await answerTo('public.example', { family: 'IPv6' })).toEqual([
      null,
      '2606:4700::1111',
      6,
    ]);
    expect(await answerTo('six.example', { family: 0 })).toEqual([null, '2606:4700::1111', 6]);
  });

  it.each(['private.example', 'mixed.example', 'mixed-families.example'])(
    'refuses %s, which has an address that is not public',
    async (name) => {
      for (const all of [true, false]) {
        expect(await answerTo(name, { all })).toEqual([
          expect.objectContaining({
            code: 'forbidden-address',
            message: `${name} is not a public address`,
          }),
          '',
        ]);
      }
    },
  );

  it.each(['localhost', 'LOCALHOST.', 'a.localhost'])(
    'refuses %s without asking the name servers',
    async (name) => {
      const [error] = (await answerTo(name, { all: true })) as unknown[];
      expect(error).toMatchObject({ code: 'forbidden-address' });
      expect(server.queries.filter((each) => /localhost/i.test(each))).toEqual([]);
    },
  );

  it.each([
    ['nowhere.example', 'ENOTFOUND'],
    ['broken.example', 'ESERVFAIL'],
  ])('fails with the error of %s, which does not resolve', async (name, code) => {
    expect(await answerTo(name, {})).toEqual([expect.objectContaining({ code }), '']);
  });

  it('blocks no thread of the pool', async () => {
    const looked = new Promise((resolve) => {
      publicOnly.lookup('no-such-host.invalid', { all: true }, resolve);
    });
    expect(process.getActiveResourcesInfo()).not.toContain('GetAddrInfoReqWrap');
    expect(await looked).toMatchObject({ hostname: 'no-such-host.invalid' });
  });
});
