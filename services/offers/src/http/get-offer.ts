import { AppError, endpoint, replyJson } from '@loan-buddy/kit';
import { z } from 'zod';
import type { FindOffer } from '../offers/find-offer';
import { offerSchema } from '../offers/offer';

export class OfferNotFoundError extends AppError {
  readonly code = 'offer-not-found';
}

export function getOffer({ findOffer }: { findOffer: FindOffer }) {
  return endpoint(
    {
      method: 'get',
      path: '/offers/{id}',
      operationId: 'getOffer',
      summary: 'One offer',
      params: z.object({ id: offerSchema.shape.id }),
      responses: { 200: { description: 'The offer.', schema: offerSchema } },
      problems: ['offer-not-found', 'provider-unavailable'],
    },
    async ({ params, res }) => {
      const offer = await findOffer(params.id);
      if (!offer) throw new OfferNotFoundError(`No provider offers ${params.id}.`);
      replyJson(res, 200, offer);
    },
  );
}
