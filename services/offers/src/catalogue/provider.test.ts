import { anOffer } from '../../test/builders';
import { ProviderError } from './failure-reason';
import { parseOffers } from './provider';

const provider = { name: 'ProviderB', owns: (id: string) => id.startsWith('offer') };

describe('parseOffers', () => {
  it('accepts a list of the provider’s own offers', () => {
    expect(parseOffers(provider, [anOffer()])).toEqual([anOffer()]);
  });

  it.each([
    null,
    'text',
    { offers: [] },
    [anOffer({ rate: Number.NaN })],
    [anOffer({ rate: 0 })],
    [anOffer({ amount: -1 })],
    [anOffer({ id: '' })],
    [{ ...anOffer(), rate: '2.9' }],
    [anOffer({ provider: 'ProviderA' })],
    [anOffer({ id: 'stolen' })],
  ])('refuses %j', (response) => {
    expect(() => parseOffers(provider, response)).toThrow(ProviderError);
  });
});
