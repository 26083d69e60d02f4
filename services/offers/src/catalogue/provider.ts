import type { Logger } from '@loan-buddy/kit/telemetry';
import { z } from 'zod';
import type { WebClient } from '../client/web-client';
import { ProviderError } from './failure-reason';
import type { Deadline } from './with-deadline';
import { offerSchema, type Offer } from '../domain/offer';

/** What the borrower wants. The provider chooses any value that is missing. */
export interface OfferQuery {
  amount?: number | undefined;
  termMonths?: number | undefined;
}

export interface ProviderResult {
  /** Immutable. The same objects mean that nothing has changed. */
  offers: readonly Offer[];
  /** Number of products that could not be read this time: there may be more offers. */
  unread?: number;
  /** Age of the data when the provider responded. */
  ageMs?: number;
  isStale?: boolean;
  /** Number of products without an offer, by reason. */
  dropped?: Readonly<Record<string, number>>;
  /** Versions of the provider's API that were used. */
  versions?: string;
}

/**
 * Asks a provider for its offers. The deadline's signal aborts when it passes.
 *
 * @throws {ProviderError} if the reason is known; any other error counts as `error`.
 */
export type FetchOffers = (query: OfferQuery, deadline: Deadline) => Promise<ProviderResult>;

export interface Provider {
  name: string;
  /** Deadline of one call, which may outlast the request that started it. */
  timeoutMs: number;
  /** Whether only this provider could have an offer with this id. */
  owns: (offerId: string) => boolean;
  fetchOffers: FetchOffers;
}

/** A valid entry of `PROVIDERS_FILE`, as each provider type's schema outputs it. */
export interface ListedProvider {
  name: string;
  /** Offer ids or their prefix; no other provider may use them. */
  offerIds: readonly string[];
  create: (context: {
    /** Default deadline, for providers without their own. */
    timeoutMs: number;
    /** Whether another provider has this name. */
    isTaken: (name: string) => boolean;
    web: WebClient;
    logger: Logger;
  }) => Provider;
}

/** Maximum offers per provider. */
export const MAX_OFFERS = 10_000;

const offersSchema = z.array(offerSchema).max(MAX_OFFERS);

/** @throws {ProviderError} `invalid` unless the response is a list of offers that are all the provider's own. */
export function parseOffers({ name, owns }: Pick<Provider, 'name' | 'owns'>, response: unknown) {
  const { data, error } = offersSchema.safeParse(response);
  if (error) throw new ProviderError('invalid', z.prettifyError(error));
  const foreign = data.find(({ id, provider }) => provider !== name || !owns(id));
  if (foreign) throw new ProviderError('invalid', `offer ${foreign.id} is not ${name}'s`);
  return data;
}
