import { AppError } from '@loan-buddy/kit/problem';
import { endpoint, sendJson } from '@loan-buddy/kit/server';
import { z } from 'zod';
import { readOffers } from './access';
import type { FindOffer } from '../catalogue/find-offer';
import { offerSchema } from '../domain/offer';
import { offerBody, offerBodySchema } from './offer-body';
import { loanParameters } from './offer-query';
import { offersTag } from './tags';

export class OfferNotFoundError extends AppError {
  readonly code = 'offer-not-found';
}

export function getOffer({ findOffer }: { findOffer: FindOffer }) {
  return endpoint(
    {
      method: 'get',
      path: '/offers/{id}',
      operationId: 'getOffer',
      tag: offersTag,
      summary: 'One offer',
      access: readOffers,
      params: z.object({ id: offerSchema.shape.id }),
      query: z.object(loanParameters),
      responses: { 200: { description: 'The offer.', schema: offerBodySchema } },
      problems: ['offer-not-found', 'provider-unavailable'],
    },
    async ({ params, query, res }) => {
      const { amount, term_months: termMonths } = query;
      const offer = await findOffer(params.id, { amount, termMonths });
      if (!offer) throw new OfferNotFoundError(`No offer has the id ${params.id}.`);
      sendJson(res, 200, offerBody(offer));
    },
  );
}
