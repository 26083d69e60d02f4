// Remembering listings saves 41 % of the CPU of GET /offers; see docs/performance.md.
import { LRUCache } from 'lru-cache';
import { hasFailed, type CachedProvider, type Failure, type Result } from './cached-provider';
import type { Offer } from '../domain/offer';
import { priceOffer, type AprType, type PricedOffer } from './price-offer';
import type { OfferQuery } from './provider';

const sortValues = {
  rate: ({ rate }: PricedOffer) => rate,
  apr: ({ price }: PricedOffer) => price?.apr,
  monthly_payment: ({ price }: PricedOffer) => price?.monthlyPayment,
};

/** All except `rate` need a term. */
export const sortKeys = Object.keys(sortValues) as (keyof typeof sortValues)[];

export interface ListQuery extends OfferQuery {
  /** Only this provider's offers. */
  provider?: string | undefined;
  sort: keyof typeof sortValues;
  order: 'asc' | 'desc';
  limit?: number | undefined;
}

export interface Listing {
  /** Sorted as requested, ties by id. The same array until a provider's result changes. */
  offers: readonly PricedOffer[];
  /** One per provider asked, including failed ones. */
  results: readonly Result[];
  /** The failed ones. */
  missing: readonly Failure[];
  /** When the oldest offer was current, on the clock of `performance.now()`. */
  asOf: number;
  /** When the first of them becomes stale; 0 if a provider is missing, as the next request may find more. */
  freshUntil: number;
}

export type ListOffers = ReturnType<typeof createListOffers>;

type OfferLists = readonly (readonly Offer[])[];

interface Remembered {
  listing: Listing;
  lists: OfferLists;
  /** The listing for later requests, made for the first of them. */
  cached?: Listing;
}

/** Maximum sorted offers to remember, over all queries. */
const MAX_REMEMBERED = 50_000;
/** The weight of one provider's result in a listing, in offers. */
const RESULT_WEIGHT = 5;

/**
 * Lists the offers of all providers, asking all without a fresh result concurrently. Omits a provider that fails or is
 * too slow; its result says why. Never rejects. Returns the same object for a query while all of it is fresh.
 */
export function createListOffers(dependencies: {
  providers: readonly CachedProvider[];
  aprType: AprType;
}) {
  const { providers, aprType } = dependencies;
  const remembered = new LRUCache<string, Remembered>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: ({ listing, lists }) =>
      lists.reduce((sum, { length }) => sum + length, 1 + RESULT_WEIGHT * listing.results.length),
  });

  return async (query: ListQuery): Promise<Listing> => {
    const { amount, termMonths, provider, sort, order, limit } = query;
    // The name is last, since it may contain any text.
    const key = [amount, termMonths, limit, sort, order, provider].join(' ');
    const last = remembered.get(key);
    if (!last || performance.now() >= last.listing.freshUntil) return list(query, key);
    last.cached ??= withoutWaits(last.listing);
    return last.cached;
  };

  async function list(query: ListQuery, key: string): Promise<Listing> {
    const { amount, termMonths, provider } = query;
    const asked = providers.filter(({ name }) => provider === undefined || name === provider);
    const results = await Promise.all(asked.map(({ read }) => read({ amount, termMonths })));
    const succeeded = results.filter((result) => !hasFailed(result));
    const lists = succeeded.map(({ offers }) => offers);
    const last = remembered.get(key);
    const same =
      last?.lists.length === lists.length && lists.every((list, i) => isSame(list, last.lists[i]!));
    const offers = same ? last.listing.offers : arrange(lists, query);
    const missing = results.filter(hasFailed);
    const listing = {
      offers,
      results,
      missing,
      asOf: Math.min(...succeeded.map(({ asOf }) => asOf)),
      freshUntil:
        missing.length > 0 ? 0 : Math.min(...succeeded.map(({ freshUntil }) => freshUntil)),
    };
    remembered.set(key, { listing, lists });
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

/** Requests served from this copy wait for no provider. */
function withoutWaits(listing: Listing): Listing {
  return { ...listing, results: listing.results.map((result) => ({ ...result, durationMs: 0 })) };
}

/** Whether two lists contain the same objects. */
function isSame(a: readonly Offer[], b: readonly Offer[]): boolean {
  return a === b || (a.length === b.length && a.every((offer, i) => offer === b[i]));
}

function compareBy(sort: ListQuery['sort'], order: ListQuery['order']) {
  const sign = order === 'asc' ? 1 : -1;
  const valueOf = sortValues[sort];
  return (a: PricedOffer, b: PricedOffer): number => {
    const [x, y] = [valueOf(a), valueOf(b)];
    if (x === y || x === undefined || y === undefined) {
      // Offers without the value come last in either order.
      return Number(x === undefined) - Number(y === undefined) || (a.id < b.id ? -1 : 1);
    }
    return sign * (x - y);
  };
}
