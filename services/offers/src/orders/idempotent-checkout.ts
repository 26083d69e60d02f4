import { createHash } from 'node:crypto';
import { AppError } from '@loan-buddy/kit/problem';
import type { Logger } from '@loan-buddy/kit/telemetry';
import {
  InterruptedCheckoutError,
  KeyTakenError,
  type Checkout,
  type CheckoutRequest,
} from './checkout';
import type { IdempotencyStore, IdempotentRequest, StoredResponse } from './idempotency';
import type { Order } from '../domain/order';
import type { OrderStore } from './order-store';

/** The key was used for a different request. */
export class KeyReusedError extends AppError {
  readonly code = 'idempotency-key-reused';
}

/** The first request with this key is still in progress. */
export class RequestInFlightError extends AppError {
  readonly code = 'request-in-flight';
}

export type IdempotentCheckout = ReturnType<typeof createIdempotentCheckout>;

/**
 * Performs a checkout under the client's idempotency key, if there is one. All requests with the same key create one
 * order and get the same response, byte for byte; `replayed` says whether an earlier request got it.
 *
 * @param dependencies.toResponse builds the response to the checkout that created this order
 * @throws {KeyReusedError} if the key was used with a different body.
 * @throws {RequestInFlightError} if the first request with the key has no response yet.
 */
export function createIdempotentCheckout(dependencies: {
  checkout: Checkout;
  orders: Pick<OrderStore, 'find'>;
  idempotency: IdempotencyStore;
  idempotencyTtlMs: number;
  toResponse: (order: Order) => StoredResponse;
  logger: Logger;
}) {
  const { checkout, orders, idempotency: keys, toResponse, logger } = dependencies;
  const { idempotencyTtlMs: ttlMs } = dependencies;

  return async (
    request: Omit<CheckoutRequest, 'idempotency'>,
    { client, key }: { client: string; key: string | undefined },
  ) => {
    if (key === undefined) {
      const order = await checkout(request);
      return { orderId: order.id, response: toResponse(order), replayed: false };
    }
    const idempotency = { client, key, fingerprint: fingerprintOf(request), ttlMs };
    const earlier = await replay(idempotency);
    if (earlier) return earlier;
    let order;
    try {
      order = await checkout({ ...request, idempotency });
    } catch (error) {
      if (!(error instanceof KeyTakenError)) throw error;
      const winner = await replay(idempotency);
      if (!winner) throw inFlight();
      return winner;
    }
    const own = toResponse(order);
    const response = await keys.complete(client, key, own).catch((error: unknown) => {
      // The order is stored; a repeated request is served from it.
      const { requestId } = request;
      logger.warn({ err: error, orderId: order.id, requestId }, 'idempotent response not stored');
      return own;
    });
    return { orderId: order.id, response, replayed: false };
  };

  /** Returns undefined if the key is unknown. */
  async function replay(request: IdempotentRequest) {
    const known = await keys.find(request.client, request.key);
    if (!known) return undefined;
    if (known.fingerprint !== request.fingerprint) {
      throw new KeyReusedError('This Idempotency-Key was already used with a different body.');
    }
    if (known.inFlight) throw inFlight();
    const { orderId } = known;
    if (known.response) return { orderId, response: known.response, replayed: true };
    // The first request's process died before responding: build the response from the current order.
    try {
      const order = await orders.find(orderId);
      if (!order) throw new Error(`there is no order ${orderId}`);
      const response = await keys.complete(request.client, request.key, toResponse(order));
      return { orderId, response, replayed: true };
    } catch (error) {
      throw new InterruptedCheckoutError(orderId, error);
    }
  }
}

function inFlight(): RequestInFlightError {
  return new RequestInFlightError('The first request with this key is still in progress.', {
    retryAfterSeconds: 1,
  });
}

/** Equal for requests with the same meaning. */
export function fingerprintOf(
  request: Pick<CheckoutRequest, 'userId' | 'loanId' | 'amount' | 'termMonths' | 'email'>,
): string {
  const { userId, loanId, amount, termMonths, email } = request;
  // Must not change for requests without these fields: a client may repeat one after an upgrade.
  const optional: unknown[] =
    amount === undefined && termMonths === undefined ? [] : [amount, termMonths];
  if (email !== undefined) optional.push(email);
  return createHash('sha256')
    .update(JSON.stringify([userId, loanId, ...optional]))
    .digest('base64url');
}
