import { AppError } from '@loan-buddy/kit/problem';
import { endpoint } from '@loan-buddy/kit/server';
import { z } from 'zod';
import { readOffers } from './access';
import { sortKeys, type Listing, type ListOffers } from '../catalogue/list-offers';
import type { PricedOffer } from '../catalogue/price-offer';
import { memoize } from '../catalogue/memoize';
import { integerParameter } from './number-parameter';
import { offerBody, offerBodySchema } from './offer-body';
import { loanParameters } from './offer-query';
import { providerHeaders } from './provider-headers';
import { represent, sendRepresentation } from './representation';
import { offersTag } from './tags';

/** No provider returned offers, so there is nothing to list. */
export class OffersUnavailableError extends AppError {
  readonly code = 'offers-unavailable';
}

const MAX_LIMIT = 1000;

function parameters(providerNames: readonly string[]) {
  return z
    .object({
      ...loanParameters,
      provider: z
        .enum(providerNames, 'is not a provider')
        .optional()
        .meta({ description: 'Only this provider’s offers, such as ProviderB.' }),
      sort: z
        .enum(sortKeys)
        .default('rate')
        .meta({ description: 'All except `rate` require `term_months`.' }),
      order: z.enum(['asc', 'desc']).default('asc'),
      limit: integerParameter({ digits: 4, min: 1, max: MAX_LIMIT })
        .optional()
        .meta({ description: `Return at most this many offers, 1 to ${String(MAX_LIMIT)}.` }),
    })
    .superRefine(({ sort, term_months: termMonths }, context) => {
      if (sort === 'rate' || termMonths !== undefined) return;
      const message = `is required to sort by ${sort}`;
      context.addIssue({ code: 'custom', path: ['term_months'], message });
    });
}

export function getOffers(dependencies: {
  listOffers: ListOffers;
  providerNames: readonly string[];
}) {
  const { listOffers, providerNames } = dependencies;
  // Making body and headers once for many responses saves 21 % of the CPU of GET /offers; see docs/performance.md.
  const representationOf = memoize((offers: readonly PricedOffer[]) =>
    represent(offers.map(offerBody)),
  );
  const headersOf = memoize(({ results }: Listing) => providerHeaders(results, performance.now()));

  return endpoint(
    {
      method: 'get',
      path: '/offers',
      operationId: 'listOffers',
      tag: offersTag,
      summary: 'All offers, cheapest first',
      access: readOffers,
      description:
        'Asks all providers in parallel, unless their cached offers are still fresh. A provider that fails or takes too long is omitted and named in Missing-Providers.',
      query: parameters(providerNames),
      requestHeaders: {
        'If-None-Match': 'The ETag of the last response: 304 if nothing has changed.',
      },
      responses: {
        200: {
          description: 'The offers, sorted by rate, then id, unless `sort` says otherwise.',
          schema: z.array(offerBodySchema),
          headers: freshnessHeaders,
        },
        304: { description: 'Nothing has changed.', headers: freshnessHeaders },
      },
      headers: {
        'Missing-Providers': 'The omitted providers, each with a reason (RFC 9651 list).',
        'Partial-Providers': 'The providers with unreadable products, and how many.',
        'Stale-Providers': 'The providers whose offers are stale, with their age in seconds.',
        'Server-Timing': 'How long each provider took, and how it failed.',
      },
      problems: ['offers-unavailable'],
    },
    async ({ query, res }) => {
      const { amount, term_months: termMonths, provider, sort, order, limit } = query;
      const listing = await listOffers({ amount, termMonths, provider, sort, order, limit });
      const headers = headersOf(listing);
      if (listing.missing.length === listing.results.length) {
        const missing = listing.missing.map(({ provider, reason }) => ({ provider, reason }));
        const members = { missing };
        throw new OffersUnavailableError('no provider responded', {
          headers,
          retryAfterSeconds: 1,
          members,
        });
      }
      sendRepresentation(res, representationOf(listing.offers), freshness(listing), headers);
    },
  );
}

const freshnessHeaders = {
  ETag: 'Identifies this exact body.',
  Age: 'Age of the oldest offer in seconds.',
  'Cache-Control': 'The age until which all offers are fresh.',
};

function freshness({ asOf, freshUntil }: Listing) {
  const now = performance.now();
  const ageS = Math.max(0, Math.floor((now - asOf) / 1000));
  const freshS = Math.max(0, Math.floor((freshUntil - now) / 1000));
  return { ageS, maxAgeS: ageS + freshS };
}
