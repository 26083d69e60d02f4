import { z } from 'zod';
import { offerSchema, type Offer } from './offer';

/** An AbortController makes its signal when it is first read: a provider that needs none does not pay for one. */
export type Deadline = Pick<AbortController, 'signal'>;

/** A lender we ask for offers. */
export interface Provider {
  name: string;
  /** Whether an offer of this id could only be this provider's. */
  owns: (offerId: string) => boolean;
  /**
   * Asks for the current offers. Answers that have not changed are the same array, and nobody changes it.
   * The deadline's signal aborts when nobody waits any longer.
   *
   * @throws {InvalidAnswerError} where the answer makes no sense; anything else where there was none.
   */
  fetchOffers: (deadline: Deadline) => Promise<readonly Offer[]>;
}

/** A provider answered with something that is no list of its offers. */
export class InvalidAnswerError extends Error {
  readonly code = 'invalid-answer';
  override readonly name = 'InvalidAnswerError';
}

/** The most offers one provider may have. */
export const MAX_OFFERS = 10_000;

const offersSchema = z.array(offerSchema).max(MAX_OFFERS);

/**
 * Takes a provider's answer for what it must be: a list of offers, all of them its own.
 *
 * @throws {InvalidAnswerError} saying what is wrong with it.
 */
export function parseOffers(provider: Pick<Provider, 'name' | 'owns'>, answer: unknown): Offer[] {
  const result = offersSchema.safeParse(answer);
  if (!result.success) throw new InvalidAnswerError(z.prettifyError(result.error));
  const stranger = result.data.find(
    (offer) => offer.provider !== provider.name || !provider.owns(offer.id),
  );
  if (stranger) throw new InvalidAnswerError(`offer ${stranger.id} is not ${provider.name}'s`);
  return result.data;
}
