import { AppError, endpoint, replyJson } from '@loan-buddy/kit';
import { z } from 'zod';
import { hasFailed, type FailedAnswer } from '../offers/ask-providers';
import type { ListOffers } from '../offers/list-offers';
import { offerSchema, type Offer } from '../offers/offer';
import { missingProviders, serverTiming } from './provider-headers';

/** No provider answered in time, so there is nothing to list. */
export class OffersUnavailableError extends AppError {
  readonly code = 'offers-unavailable';

  constructor(missing: readonly FailedAnswer[], headers: string[]) {
    super('no provider answered', {
      headers,
      retryAfterSeconds: 1,
      members: { missing: missing.map(({ provider, reason }) => ({ provider, reason })) },
    });
  }
}

export function getOffers({ listOffers }: { listOffers: ListOffers }) {
  let last: { offers: readonly Offer[]; body: string } | undefined;
  return endpoint(
    {
      method: 'get',
      path: '/offers',
      operationId: 'listOffers',
      summary: 'All offers, cheapest first',
      description:
        'Asks every provider at once. Those that fail or take too long are left out and named in Missing-Providers.',
      responses: {
        200: {
          description: 'The offers by rate, then id.',
          schema: z.array(offerSchema),
        },
      },
      headers: {
        'Missing-Providers': 'The providers left out, each with a reason (RFC 9651 list).',
        'Server-Timing': 'How long each provider took, and what went wrong.',
      },
      problems: ['offers-unavailable'],
    },
    async ({ res }) => {
      const { offers, answers } = await listOffers();
      const headers = ['Server-Timing', serverTiming(answers)];
      const missing = answers.filter(hasFailed);
      if (missing.length > 0) headers.push('Missing-Providers', missingProviders(missing));
      if (missing.length === answers.length) throw new OffersUnavailableError(missing, headers);
      if (last?.offers !== offers) last = { offers, body: JSON.stringify(offers) };
      replyJson(res, 200, last.body, headers);
    },
  );
}
