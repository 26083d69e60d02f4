import { AppError } from '@loan-buddy/kit/problem';
import { hasFailed, type CachedProvider } from './cached-provider';
import { priceOffer, type AprType, type PricedOffer } from './price-offer';
import type { OfferQuery } from './provider';

/** The offer's provider did not respond, so the offer may or may not exist. */
export class ProviderUnavailableError extends AppError {
  readonly code = 'provider-unavailable';
}

export type FindOffer = ReturnType<typeof createFindOffer>;

/**
 * Finds an offer as listed for the same query, by asking only the provider that could have it; undefined if there is
 * none.
 *
 * @throws {ProviderUnavailableError} if that provider does not respond, or could not read all of its products.
 */
export function createFindOffer(dependencies: {
  providers: readonly CachedProvider[];
  aprType: AprType;
}) {
  const { providers, aprType } = dependencies;
  return async (offerId: string, query: OfferQuery): Promise<PricedOffer | undefined> => {
    const owner = providers.find((provider) => provider.owns(offerId));
    if (!owner) return undefined;
    const result = await owner.read(query);
    const unavailable = (reason: string, what: string) => {
      const members = { missing: [{ provider: owner.name, reason }] };
      return new ProviderUnavailableError(`${owner.name} ${what}`, {
        retryAfterSeconds: 1,
        members,
      });
    };
    if (hasFailed(result)) throw unavailable(result.reason, 'did not respond');
    const offer = result.offers.find(({ id }) => id === offerId);
    if (offer) return priceOffer(offer, query.termMonths, aprType);
    if (result.unread > 0) throw unavailable('partial', 'could not read all of its products');
    return undefined;
  };
}
