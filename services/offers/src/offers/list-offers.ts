import { LRUCache } from 'lru-cache';
import type { AskProviders, TimedAnswer } from './ask-providers';
import { hasFailed, type FailedAnswer, type CachedProvider } from './cached-provider';
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
  /** When the oldest of the offers was true, on the clock of `performance.now()`. */
  asOf: number;
  /** When the first of them goes stale; 0 with somebody missing: the next request may find more. */
  freshUntil: number;
}

/** Gives one and the same object for a query for as long as all of it is fresh, and nobody is asked. */
export type ListOffers = (query: ListQuery) => Listing | Promise<Listing>;

/** Each provider's offers. */
type OfferLists = readonly (readonly Offer[])[];

/** How many offers are remembered in their order, over all queries. */
const MAX_REMEMBERED = 50_000;
/** What one provider's answer in a listing weighs beside an offer. */
const ANSWER_WEIGHT = 5;

/**
 * Lists the offers of all providers, asking at once all those of which nothing fresh is known. One that fails or takes
 * too long is left out, and its answer says why. Never rejects.
 */
export function createListOffers(dependencies: {
  providers: readonly CachedProvider[];
  askProviders: AskProviders;
  aprType: AprType;
}): ListOffers {
  const { providers, askProviders, aprType } = dependencies;
  const remembered = new LRUCache<string, { listing: Listing; lists: OfferLists }>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: ({ listing, lists }) =>
      lists.reduce((sum, { length }) => sum + length, 1 + ANSWER_WEIGHT * listing.answers.length),
  });

  return (query) => {
    const key = keyOf(query);
    const last = remembered.get(key);
    return last && performance.now() < last.listing.freshUntil ? last.listing : list(query, key);
  };

  async function list(query: ListQuery, key: string): Promise<Listing> {
    const { amount, termMonths, provider } = query;
    const asked = providers.filter(({ name }) => provider === undefined || name === provider);
    const answers = await askProviders(asked, { amount, termMonths });
    const kept = answers.filter((answer) => !hasFailed(answer));
    const lists = kept.map(({ offers }) => offers);
    const last = remembered.get(key);
    const same =
      last?.lists.length === lists.length && lists.every((each, i) => isSame(each, last.lists[i]!));
    const offers = same ? last.listing.offers : arrange(lists, query);
    const missing = answers.filter(hasFailed);
    const listing = {
      offers,
      answers,
      missing,
      asOf: Math.min(...kept.map(({ asOf }) => asOf)),
      freshUntil: missing.length > 0 ? 0 : Math.min(...kept.map(({ freshUntil }) => freshUntil)),
    };
    // Who is answered with it again has not waited for anybody.
    const atOnce = answers.map((answer) => ({ ...answer, durationMs: 0 }));
    remembered.set(key, { listing: { ...listing, answers: atOnce }, lists });
    return listing;
  }

  function arrange(lists: OfferLists, query: ListQuery): PricedOffer[] {
    const { termMonths, sort, order, limit } = query;
    return lists
      .flat()
      .map((offer) => priceOffer(offer, termMonths, aprType))
      .sort(compareBy(sort, order))
      .slice(0, limit);
  }
}

/** Whether two lists are of the same objects. */
function isSame(a: readonly Offer[], b: readonly Offer[]): boolean {
  return a === b || (a.length === b.length && a.every((offer, i) => offer === b[i]));
}

/** Equal for equal queries only: a name may hold anything, and comes last. */
function keyOf({ amount, termMonths, provider, sort, order, limit }: ListQuery): string {
  const numbers = `${String(amount)} ${String(termMonths)} ${String(limit)}`;
  return `${numbers} ${sort} ${order}${provider === undefined ? '' : ` ${provider}`}`;
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
