import { AppError } from '@loan-buddy/kit';
import { hasFailed, type AskProviders } from './ask-providers';
import type { Offer } from './offer';
import type { Provider } from './provider';

/** The provider that would know did not answer: whether there is such an offer is open. */
export class ProviderUnavailableError extends AppError {
  readonly code = 'provider-unavailable';
}

export type FindOffer = (offerId: string) => Promise<Offer | undefined>;

/**
 * Finds the offer of this id by asking the one provider that could have it; undefined where there is none.
 *
 * @throws {ProviderUnavailableError} where that provider does not answer.
 */
export function createFindOffer(dependencies: {
  providers: readonly Provider[];
  askProviders: AskProviders;
}): FindOffer {
  const { providers, askProviders } = dependencies;
  return async (offerId) => {
    const owner = providers.find((provider) => provider.owns(offerId));
    if (!owner) return undefined;
    const [answer] = await askProviders([owner]);
    if (!answer || hasFailed(answer)) {
      throw new ProviderUnavailableError(`${owner.name} did not answer`, {
        retryAfterSeconds: 1,
        members: { missing: [{ provider: owner.name, reason: answer?.reason }] },
      });
    }
    return answer.offers.find((offer) => offer.id === offerId);
  };
}
