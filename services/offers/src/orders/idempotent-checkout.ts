import { createHash } from 'node:crypto';
import { AppError, type Logger } from '@loan-buddy/kit';
import { KeyTakenError, type Checkout } from './checkout';
import type {
  IdempotencyStore,
  IdempotentRequest,
  KnownRequest,
  StoredResponse,
} from './idempotency';
import type { Order } from './order';
import type { OrderStore } from './order-store';

/** The key was used before, for something else. */
export class KeyReusedError extends AppError {
  readonly code = 'idempotency-key-reused';
}

/** The first request with this key is still being worked on. */
export class RequestInFlightError extends AppError {
  readonly code = 'request-in-flight';
}

/** When to send a request again whose first is in flight. */
const RETRY_AFTER_S = 1;

interface CheckoutResponse {
  orderId: string;
  response: StoredResponse;
  /** Whether an earlier request got this answer before. */
  replayed: boolean;
}

/** @param sent by whom, and under which key */
export type IdempotentCheckout = (
  wanted: Omit<Parameters<Checkout>[0], 'request'>,
  sent: { client: string; key: string | undefined },
) => Promise<CheckoutResponse>;

/**
 * Makes a checkout under the client's key, if it has one: all requests with the same key make one order, and get the
 * response to the first of them, to the byte.
 *
 * @param dependencies.toResponse the response to a checkout that made this order
 * @throws {KeyReusedError} where the key came with another body before.
 * @throws {RequestInFlightError} where the first request with the key is not answered yet.
 */
export function createIdempotentCheckout(dependencies: {
  checkout: Checkout;
  orders: Pick<OrderStore, 'find'>;
  idempotency: IdempotencyStore;
  idempotencyTtlMs: number;
  toResponse: (order: Order) => StoredResponse;
  logger: Logger;
}): IdempotentCheckout {
  const {
    checkout,
    orders,
    idempotency,
    idempotencyTtlMs: ttlMs,
    toResponse,
    logger,
  } = dependencies;

  return async (wanted, { client, key }) => {
    if (key === undefined) {
      const order = await checkout(wanted);
      return { orderId: order.id, response: toResponse(order), replayed: false };
    }
    const request = { client, key, fingerprint: fingerprintOf(wanted), ttlMs };
    const known = await idempotency.find(client, key);
    if (known) return replay(request, known);
    let order;
    try {
      order = await checkout({ ...wanted, request });
    } catch (error) {
      if (!(error instanceof KeyTakenError)) throw error;
      const winner = await idempotency.find(client, key);
      if (!winner) throw inFlight();
      return replay(request, winner);
    }
    const own = toResponse(order);
    const response = await idempotency.complete(client, key, own).catch((error: unknown) => {
      // The order stands; whoever asks again is answered from it.
      const { requestId } = wanted;
      logger.warn({ err: error, orderId: order.id, requestId }, 'idempotent response not stored');
      return own;
    });
    return { orderId: order.id, response, replayed: false };
  };

  async function replay(
    request: IdempotentRequest,
    known: KnownRequest,
  ): Promise<CheckoutResponse> {
    if (known.fingerprint !== request.fingerprint) {
      throw new KeyReusedError('This Idempotency-Key came with another body before.');
    }
    if (known.inFlight) throw inFlight();
    const { orderId } = known;
    const response = known.response ?? (await respondLate(request, orderId));
    return { orderId, response, replayed: true };
  }

  /** For a request whose process died before it answered: the answer is the order as it is by now. */
  async function respondLate(
    { client, key }: IdempotentRequest,
    orderId: string,
  ): Promise<StoredResponse> {
    const order = await orders.find(orderId);
    if (!order) throw new Error(`there is no order ${orderId}`);
    return idempotency.complete(client, key, toResponse(order));
  }
}

function inFlight(): RequestInFlightError {
  return new RequestInFlightError('The first request with this key is not answered yet.', {
    retryAfterSeconds: RETRY_AFTER_S,
  });
}

/** Equal for requests that mean the same. */
export function fingerprintOf(wanted: {
  userId: string;
  loanId: string;
  amount?: number | undefined;
  termMonths?: number | undefined;
  email?: string | undefined;
}): string {
  const { userId, loanId, amount, termMonths, email } = wanted;
  // As it was before there were such fields: a request may come again after an upgrade.
  const asked: unknown[] =
    amount === undefined && termMonths === undefined ? [] : [amount, termMonths];
  if (email !== undefined) asked.push(email);
  return createHash('sha256')
    .update(JSON.stringify([userId, loanId, ...asked]))
    .digest('base64url');
}
