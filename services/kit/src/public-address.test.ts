import { lookup } from 'node:dns';
import { isPublicAddress, lookupPublic, requirePublicUrl } from './public-address';

describe('isPublicAddress', () => {
  it.each(['1.1.1.1', '8.8.8.8', '203.0.114.1', '2606:4700::1111', '::ffff:1.1.1.1'])(
    'takes %s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );

  it.each([
    ['this machine', '127.0.0.1'],
    ['this machine, IPv6', '::1'],
    ['this machine, IPv4 in IPv6', '::ffff:127.0.0.1'],
    ['this machine, hexadecimal', '::ffff:7f00:1'],
    ['no address', '0.0.0.0'],
    ['no address, IPv6', '::'],
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
    ['IPv6 that is not given out', '4000::1'],
    ['no address at all', 'example.com'],
  ])('refuses %s', (_, address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('requirePublicUrl', () => {
  it.each(['https://example.com/x', 'https://1.1.1.1:8443', 'https://[2606:4700::1111]/'])(
    'takes %s',
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

describe('lookupPublic', () => {
  it.each([true, false])('refuses a name that is on this machine (all: %s)', async (all) => {
    const error = await new Promise((resolve) => {
      lookupPublic('localhost', { all }, resolve);
    });
    expect(error).toMatchObject({ code: 'forbidden-address' });
  });

  it('gives the error of a name that does not resolve', async () => {
    const name = 'no-such-host.invalid';
    const [own, plain] = await Promise.all([
      new Promise((resolve) => {
        lookupPublic(name, {}, resolve);
      }),
      new Promise((resolve) => {
        lookup(name, resolve);
      }),
    ]);
    expect(own).toMatchObject({ code: (plain as NodeJS.ErrnoException).code });
  });

  it('gives a public address as it is asked for', async () => {
    const one = await new Promise((resolve) => {
      lookupPublic('1.1.1.1', {}, (...answer) => {
        resolve(answer);
      });
    });
    expect(one).toEqual([null, '1.1.1.1', 4]);
    const all = await new Promise((resolve) => {
      lookupPublic('1.1.1.1', { all: true }, (...answer) => {
        resolve(answer);
      });
    });
    expect(all).toEqual([null, [{ address: '1.1.1.1', family: 4 }]]);
  });
});
