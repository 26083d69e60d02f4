import { hasFailed, type Answer, type AskProviders } from './ask-providers';
import { compareOffers, type Offer } from './offer';
import type { Provider } from './provider';

export interface Listing {
  /** Cheapest first. While no provider changes its answer, this is the same array. */
  offers: readonly Offer[];
  /** One for each provider, those that failed included. */
  answers: readonly Answer[];
}

export type ListOffers = () => Promise<Listing>;

/**
 * Lists the offers of all providers, cheapest first, asking them all at once.
 * One that fails or takes too long is left out, and its answer says why. Never rejects.
 */
export function createListOffers(dependencies: {
  providers: readonly Provider[];
  askProviders: AskProviders;
}): ListOffers {
  const { providers, askProviders } = dependencies;
  const sortOffers = rememberLast((lists: readonly (readonly Offer[])[]) =>
    lists.flat().sort(compareOffers),
  );
  return async () => {
    const answers = await askProviders(providers);
    const lists = answers.flatMap((answer) => (hasFailed(answer) ? [] : [answer.offers]));
    return { offers: sortOffers(lists), answers };
  };
}

/** Answers as before while the same things are asked for: the same arrays, not equal ones. */
function rememberLast<Item, Result>(
  compute: (items: readonly Item[]) => Result,
): (items: readonly Item[]) => Result {
  let last: { items: readonly Item[]; result: Result } | undefined;
  return (items) => {
    const same =
      last?.items.length === items.length && items.every((item, i) => item === last?.items[i]);
    if (!last || !same) last = { items, result: compute(items) };
    return last.result;
  };
}
