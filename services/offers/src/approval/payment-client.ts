import type { HttpClient } from '../client/http-client';
import { z } from 'zod';
import { decisions, type Decision, type Order } from '../domain/order';

/** confirm-payment did not decide: no response in time, or none with a decision. The order stays pending. */
export class UndecidedError extends Error {
  readonly code = 'undecided';
  override readonly name = 'UndecidedError';
}

/** Maximum size of a decision's body; a real one has about 25 bytes. */
export const MAX_DECISION_BYTES = 16_384;

const decisionSchema = z.object({ status: z.enum(decisions) });

/** Asks for the decision on an order. Safe to retry: the same order always gets the same decision. */
export type AskForDecision = (order: Order, context: { requestId: string }) => Promise<Decision>;

/** @throws {UndecidedError} unless the response is a 200 with one of the two decisions. */
export function createPaymentClient({
  http,
  signToken,
}: Pick<HttpClient, 'http'> & {
  /** Signs a token for a request; if missing, requests carry none. */
  signToken?: ((requestId: string) => Promise<string>) | undefined;
}): AskForDecision {
  return async (order, { requestId }) => {
    let response;
    try {
      response = await http.request<unknown>({
        method: 'post',
        url: '/confirm-payment',
        headers: {
          'X-Request-Id': requestId,
          ...(signToken && { Authorization: `Bearer ${await signToken(requestId)}` }),
        },
        data: { order_id: order.id, amount: order.offer.amount, status: 'PENDING' },
      });
    } catch (error) {
      throw new UndecidedError('no response from confirm-payment', { cause: error });
    }
    const decision = response.status === 200 ? decisionSchema.safeParse(response.data) : undefined;
    if (decision?.success) return decision.data.status;
    throw new UndecidedError(
      `confirm-payment responded ${String(response.status)} without a decision`,
    );
  };
}
