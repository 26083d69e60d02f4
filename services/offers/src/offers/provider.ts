import { z } from 'zod';
import { ProviderError } from './failure-reason';
import { offerSchema, type Offer } from './offer';

/** What a borrower wants to know offers for; what is missing is left to the provider. */
export interface OfferQuery {
  /** In units of the currency. */
  amount?: number | undefined;
  termMonths?: number | undefined;
}

/** What a provider answered. */
export interface ProviderAnswer {
  /** Nobody changes this list nor what is in it; the same objects mean that nothing has changed. */
  offers: readonly Offer[];
  /** How many products could not be read this time: there may be more offers than these. */
  unread?: number;
  /** How old the data was when it was answered. */
  ageMs?: number;
  /** Whether it should have been newer. */
  isStale?: boolean;
  /** How many products made no offer, by reason. */
  dropped?: Readonly<Record<string, number>>;
  /** The versions of the lender's interface that were spoken. */
  versions?: string;
}

/**
 * Asks a lender for its offers. The signal aborts at the provider's deadline.
 *
 * @throws {ProviderError} where the reason is known; anything else counts as `error`.
 */
export type FetchOffers = (query: OfferQuery, signal: AbortSignal) => Promise<ProviderAnswer>;

/** A lender we ask for offers. */
export interface Provider {
  name: string;
  /** The deadline of one call, which may go on after nobody waits for it any more. */
  timeoutMs: number;
  /** Whether an offer of this id could only be this provider's. */
  owns: (offerId: string) => boolean;
  fetchOffers: FetchOffers;
}

/** The most offers one provider may have. */
export const MAX_OFFERS = 10_000;

const offersSchema = z.array(offerSchema).max(MAX_OFFERS);

/**
 * Takes a lender's answer for what it must be: a list of offers, all of them the provider's own.
 *
 * @throws {ProviderError} `invalid`, saying what is wrong with it.
 */
export function parseOffers(provider: Pick<Provider, 'name' | 'owns'>, answer: unknown): Offer[] {
  const result = offersSchema.safeParse(answer);
  if (!result.success) throw new ProviderError('invalid', z.prettifyError(result.error));
  const stranger = result.data.find(
    (offer) => offer.provider !== provider.name || !provider.owns(offer.id),
  );
  if (stranger) {
    throw new ProviderError('invalid', `offer ${stranger.id} is not ${provider.name}'s`);
  }
  return result.data;
}
