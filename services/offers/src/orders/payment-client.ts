import type { HttpClient, SignServiceToken } from '@loan-buddy/kit';
import { z } from 'zod';
import { decisions, type Decision, type Order } from './order';

/** confirm-payment did not decide: no answer in time, or one that is no decision. The order stays pending. */
export class UndecidedError extends Error {
  readonly code = 'undecided';
  override readonly name = 'UndecidedError';
}

/** Longest decision that is read; a real one has some 25 bytes. */
export const MAX_DECISION_BYTES = 16_384;

const decisionSchema = z.object({ status: z.enum(decisions) });

/** Asks for the decision on an order. Asking again is safe: the same order gets the same answer. */
export type AskForDecision = (order: Order, context: { requestId: string }) => Promise<Decision>;

/**
 * Asks confirm-payment over HTTP, within the deadline of the client that is passed in; with a token for each request,
 * where there is something to sign it with.
 *
 * @throws {UndecidedError} unless the answer is a 200 with one of the two words.
 */
export function createPaymentClient({
  http,
  signToken,
}: Pick<HttpClient, 'http'> & { signToken?: SignServiceToken | undefined }): AskForDecision {
  return async (order, { requestId }) => {
    let answer;
    try {
      answer = await http.request<unknown>({
        method: 'post',
        url: '/confirm-payment',
        headers: {
          'X-Request-Id': requestId,
          ...(signToken && { Authorization: `Bearer ${await signToken(requestId)}` }),
        },
        data: { order_id: order.id, amount: order.offer.amount, status: 'PENDING' },
      });
    } catch (error) {
      throw new UndecidedError('confirm-payment gave no answer', { cause: error });
    }
    const decision = answer.status === 200 ? decisionSchema.safeParse(answer.data) : undefined;
    if (decision?.success) return decision.data.status;
    throw new UndecidedError(`confirm-payment answered ${String(answer.status)} with no decision`);
  };
}
