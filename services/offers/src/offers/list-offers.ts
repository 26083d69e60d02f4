import { LRUCache } from 'lru-cache';
import type { AskProviders, TimedAnswer } from './ask-providers';
import { hasFailed, type FailedAnswer, type FreshAnswers } from './fresh-answers';
import type { Offer } from './offer';
import { priceOffer, type AprType, type PricedOffer } from './price-offer';
import type { OfferQuery } from './provider';

/** What offers can be sorted by; all but `rate` need a term. */
export const sortKeys = ['rate', 'apr', 'monthly_payment'] as const;

export interface ListQuery extends OfferQuery {
  /** Only this provider's offers. */
  provider?: string | undefined;
  sort: (typeof sortKeys)[number];
  order: 'asc' | 'desc';
  /** The first so many. */
  limit?: number | undefined;
}

export interface Listing {
  /** In the order asked for, ids settling ties. While no provider changes its answer, this is the same array. */
  offers: readonly PricedOffer[];
  /** One for each provider that was asked, those that failed included. */
  answers: readonly TimedAnswer[];
  /** Those of them that failed. */
  missing: readonly FailedAnswer[];
  /** When the oldest of the offers was true, and when the first of them goes stale: on the clock of `performance.now()`. */
  asOf: number;
  freshUntil: number;
}

/** The same listing is the same object for as long as all of it is fresh. */
export type ListOffers = (query: ListQuery) => Listing | Promise<Listing>;

/** Each provider's offers. */
type OfferLists = readonly (readonly Offer[])[];

/** How many offers are remembered in their order, over all queries. */
const MAX_REMEMBERED = 100_000;

/**
 * Lists the offers of all providers, asking at once all those of which nothing fresh is known. One that fails or takes
 * too long is left out, and its answer says why. Never rejects.
 */
export function createListOffers(dependencies: {
  providers: readonly FreshAnswers[];
  askProviders: AskProviders;
  aprType: AprType;
}): ListOffers {
  const { providers, askProviders, aprType } = dependencies;
  const remembered = new LRUCache<string, { listing: Listing; lists: OfferLists }>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: ({ lists }) => lists.reduce((sum, offers) => sum + offers.length, 1),
  });

  return (query) => {
    const key = JSON.stringify(query);
    const last = remembered.get(key);
    return last && performance.now() < last.listing.freshUntil ? last.listing : list(query, key);
  };

  async function list(query: ListQuery, key: string): Promise<Listing> {
    const { amount, termMonths, provider } = query;
    const asked = providers.filter(({ name }) => provider === undefined || name === provider);
    const answers = await askProviders(asked, { amount, termMonths });
    const kept = answers.filter((answer) => !hasFailed(answer));
    const lists = kept.map(({ value }) => value.offers);
    const last = remembered.get(key);
    const same =
      last?.lists.length === lists.length && lists.every((each, i) => each === last.lists[i]);
    const offers = same ? last.listing.offers : arrange(lists, query);
    const listing = {
      offers,
      answers,
      missing: answers.filter(hasFailed),
      asOf: Math.min(...kept.map(({ loadedAt, value }) => loadedAt - (value.ageMs ?? 0))),
      freshUntil: Math.min(...kept.map(({ freshUntil }) => freshUntil)),
    };
    // What was true of this request alone is not repeated: nobody waits for what is known.
    const repeated = {
      ...listing,
      answers: answers.map((answer) => ({ ...answer, durationMs: 0 })),
      freshUntil: listing.missing.length === 0 ? listing.freshUntil : 0,
    };
    remembered.set(key, { listing: repeated, lists });
    return listing;
  }

  function arrange(lists: OfferLists, query: ListQuery): PricedOffer[] {
    const { termMonths, sort, order, limit } = query;
    const offers = lists.flat();
    const priced =
      termMonths === undefined
        ? offers
        : offers.map((offer) => priceOffer(offer, termMonths, aprType));
    return priced.sort(compareBy(sort, order)).slice(0, limit);
  }
}

function compareBy(sort: ListQuery['sort'], order: ListQuery['order']) {
  const sign = order === 'asc' ? 1 : -1;
  return (a: PricedOffer, b: PricedOffer): number => {
    const [x, y] = [sortValue(a, sort), sortValue(b, sort)];
    if (x === y || x === undefined || y === undefined) {
      // What has no such value comes last, whichever the order.
      return Number(x === undefined) - Number(y === undefined) || (a.id < b.id ? -1 : 1);
    }
    return sign * (x - y);
  };
}

function sortValue(offer: PricedOffer, sort: ListQuery['sort']): number | undefined {
  switch (sort) {
    case 'rate':
      return offer.rate;
    case 'apr':
      return offer.price?.apr;
    case 'monthly_payment':
      return offer.price?.monthlyPayment;
  }
}
