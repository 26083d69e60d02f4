import { startNameServer, type DnsResponse, type NameServer } from '../../../kit/testing';
import { createResolveName } from './resolve-name';

const zone: Record<string, { 4: DnsResponse; 6: DnsResponse }> = {
  'both.example': { 4: ['1.1.1.1', '1.0.0.1'], 6: ['2606:4700::1111'] },
  'four.example': { 4: ['1.1.1.1'], 6: [] },
  'six.example': { 4: 'nxdomain', 6: ['2606:4700::1111'] },
  'half-broken.example': { 4: ['1.1.1.1'], 6: 'servfail' },
  'half-silent.example': { 4: ['1.1.1.1'], 6: 'timeout' },
  'empty.example': { 4: [], 6: [] },
  'broken.example': { 4: [], 6: 'servfail' },
  'silent.example': { 4: 'timeout', 6: 'timeout' },
};

describe('a name', () => {
  let server: NameServer;
  beforeAll(async () => {
    server = await startNameServer((name, family) => zone[name]?.[family] ?? 'nxdomain');
  });
  afterAll(() => server.close());

  /** Only queries without a response reach the timeout; the other half of the addresses arrives long before. */
  const patience: Record<string, number> = { 'silent.example': 50, 'half-silent.example': 2000 };
  const resolve = (name: string, family?: 4 | 6) => {
    const timeoutMs = patience[name] ?? 60_000;
    return createResolveName({ servers: [server.address], timeoutMs, tries: 1 })(name, family);
  };

  it.each([
    ['both.example', ['1.1.1.1', '1.0.0.1', '2606:4700::1111']],
    ['four.example', ['1.1.1.1']],
    ['six.example', ['2606:4700::1111']],
    ['half-broken.example', ['1.1.1.1']],
    ['half-silent.example', ['1.1.1.1']],
  ])('%s resolves to all its addresses, IPv4 first', async (name, addresses) => {
    expect(await resolve(name)).toEqual(
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  });

  it.each([4, 6] as const)('resolves for IPv%s alone if asked to', async (family) => {
    const before = server.queries.length;
    const addresses = await resolve('both.example', family);
    expect(new Set(addresses.map((each) => each.family))).toEqual(new Set([family]));
    expect(server.queries.slice(before)).toEqual([`${family === 4 ? 'A' : 'AAAA'} both.example`]);
  });

  it.each([
    ['has no address', 'empty.example', 'ENODATA'],
    ['does not exist', 'nowhere.example', 'ENOTFOUND'],
    ['cannot be looked up', 'broken.example', 'ESERVFAIL'],
    ['gets no response', 'silent.example', 'ETIMEOUT'],
  ])('fails with its own error if it %s', async (_, name, code) => {
    await expect(resolve(name)).rejects.toMatchObject({ code });
  });
});
