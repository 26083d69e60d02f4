import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@loan-buddy/kit';
import { loadProviders } from './load-providers';

const mock = { type: 'mock', name: 'A', offers: [{ id: 'a1', rate: 1, amount: 2 }] };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'providers-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function load(content: string) {
  const file = join(folder, 'providers.json');
  await writeFile(file, content);
  return loadProviders(file);
}

describe('loadProviders', () => {
  it('gives the three mocks where no file is named', async () => {
    const names = (await loadProviders(undefined)).map(({ name }) => name);
    expect(names).toEqual(['ProviderA', 'ProviderB', 'ProviderC']);
  });

  it('makes the providers that a file lists', async () => {
    const [provider] = await load(JSON.stringify([{ ...mock, latencyMs: 1 }]));
    expect(await provider!.fetchOffers(new AbortController())).toEqual([
      { id: 'a1', provider: 'A', rate: 1, amount: 2 },
    ]);
    expect([provider!.owns('a1'), provider!.owns('a2')]).toEqual([true, false]);
  });

  it.each([
    ['no JSON', '[', /cannot be read/],
    ['no list', '{}', /expected array/],
    ['no provider', '[]', /Too small/],
    ['an unknown type', JSON.stringify([{ ...mock, type: 'x' }]), /type/],
    ['an unknown member', JSON.stringify([{ ...mock, latency: 5 }]), /latency/],
    ['an unknown fault', JSON.stringify([{ ...mock, fault: 'slow' }]), /fault/],
    [
      'an impossible rate',
      JSON.stringify([{ ...mock, offers: [{ id: 'a', rate: 0, amount: 1 }] }]),
      /rate/,
    ],
    [
      'two of a name',
      JSON.stringify([mock, { ...mock, offers: [{ id: 'b', rate: 1, amount: 1 }] }]),
      /same name/,
    ],
    ['two offers of an id', JSON.stringify([mock, { ...mock, name: 'B' }]), /same id/],
  ])('refuses a file with %s', async (_, content, reason) => {
    const loading = load(content);
    await expect(loading).rejects.toThrow(ConfigError);
    await expect(loading).rejects.toThrow(reason);
  });

  it('refuses a file that is not there', async () => {
    await expect(loadProviders(join(folder, 'none.json'))).rejects.toThrow(
      /none\.json cannot be read/,
    );
  });
});
