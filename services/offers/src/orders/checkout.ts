import { AppError } from '@loan-buddy/kit/problem';
import { annotateSpan, inSpan, type Logger } from '@loan-buddy/kit/telemetry';
import { DatabaseUnavailableError } from '../db/unavailable';
import type { FindOffer } from '../catalogue/find-offer';
import type { IdempotentRequest } from './idempotency';
import type { AwaitOrder } from './await-order';
import { newOrderId, orderedOffer, type NewOrder, type Order } from '../domain/order';
import type { OrderStore } from './order-store';

/** No provider offers a loan with this id. */
export class UnknownLoanError extends AppError {
  readonly code = 'unknown-loan';
}

/** Another request with the same idempotency key made its order first. */
export class KeyTakenError extends Error {
  readonly code = 'key-taken';
  override readonly name = 'KeyTakenError';
}

/** The request failed, but its order may be stored: the response says where it would be. */
export class InterruptedCheckoutError extends AppError {
  readonly code: 'database-unavailable' | 'internal-error';

  constructor(orderId: string, cause: unknown) {
    super(`the checkout of ${orderId} was interrupted`, {
      cause,
      headers: ['Location', `/orders/${orderId}`],
      retryAfterSeconds: 1,
      members: { order_id: orderId },
    });
    this.code = cause instanceof DatabaseUnavailableError ? cause.code : 'internal-error';
  }
}

/** Whether a checkout without a preference waits for the decision. */
export const checkoutModes = ['sync', 'async'] as const;

export type CheckoutMode = (typeof checkoutModes)[number];

export interface CheckoutRequest {
  userId: string;
  loanId: string;
  /** Requested amount and term, if the offer leaves them open. */
  amount?: number | undefined;
  termMonths?: number | undefined;
  email?: string | undefined;
  /** How long to wait for the decision worker to make the attempt. If missing, this request makes the attempt. */
  waitMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called when only the wait is left. */
  onWait?: (() => void) | undefined;
  requestId: string;
  traceparent?: string | undefined;
  idempotency?: IdempotentRequest | undefined;
}

/** Returns the order after the attempt. */
export type AttemptDecision = (order: Order, context: { requestId: string }) => Promise<Order>;

/** How to get the decision on a stored order. */
export interface Approval {
  attemptDecision: AttemptDecision;
  /** Maximum duration of the attempt, including its statements. */
  leaseMs: number;
  /** When the order is due: at once if the worker asks, otherwise after the maximum duration of the attempt. */
  dueInMs: number;
  /** Wakes the worker for due orders. */
  wake: () => void;
}

export type Checkout = ReturnType<typeof createCheckout>;

/**
 * Stores an order for the chosen offer, asks for the decision or leaves that to the worker, and returns the updated
 * order. While it is `PENDING`, the decision worker keeps trying. Once stored, it cannot be lost: if the process dies
 * first, the order is due after `dueInMs`.
 *
 * @throws {UnknownLoanError} if no provider has that offer.
 * @throws {ProviderUnavailableError} if the offer's provider does not respond.
 * @throws {KeyTakenError} if the request already made an order.
 * @throws {InterruptedCheckoutError} if storing the order failed; it may be stored nevertheless.
 */
export function createCheckout(dependencies: {
  findOffer: FindOffer;
  orders: Pick<OrderStore, 'insert'>;
  approval: Approval;
  awaitOrder: AwaitOrder;
  logger: Logger;
}) {
  const { findOffer, orders, approval, awaitOrder, logger } = dependencies;
  const { attemptDecision, leaseMs, dueInMs, wake } = approval;
  return async (request: CheckoutRequest): Promise<Order> => {
    const { userId, loanId, amount, termMonths, waitMs, signal, requestId, idempotency } = request;
    const offer = await findOffer(loanId, { amount, termMonths });
    if (!offer) {
      const asked = (amount ?? termMonths) === undefined ? '' : ' for that amount and term';
      throw new UnknownLoanError(`No provider offers the loan ${loanId}${asked}.`, {
        faults: [{ detail: 'No offer has this id.', pointer: '#/loan_id' }],
      });
    }
    const order: NewOrder = {
      id: newOrderId(),
      userId,
      status: 'PENDING',
      createdAt: new Date(),
      offer: orderedOffer({ ...offer, termMonths }),
      attempts: 0,
      traceparent: request.traceparent,
      email: request.email,
    };
    annotateSpan({ 'loan_buddy.order.id': order.id });
    const isAsync = waitMs !== undefined;
    const keyed = idempotency && { ...idempotency, inFlightMs: leaseMs + (waitMs ?? 0) };
    const inserted = await orders
      .insert(order, isAsync ? 0 : dueInMs, keyed)
      .catch((error: unknown) => {
        throw new InterruptedCheckoutError(order.id, error);
      });
    if (!inserted) throw new KeyTakenError('the idempotency key belongs to another order');
    let current: Order | undefined;
    try {
      if (!isAsync)
        current = await inSpan('get decision', {}, () => attemptDecision(order, { requestId }));
      else {
        wake();
        if (waitMs > 0) {
          request.onWait?.();
          current = await inSpan('await decision', {}, () =>
            awaitOrder(order.id, { waitMs, signal }),
          );
        }
      }
    } catch (error) {
      // The order is stored and still due: the decision, if there was one, is not recorded.
      const level = error instanceof DatabaseUnavailableError ? 'warn' : 'error';
      logger[level]({ err: error, orderId: order.id, requestId }, 'order stays pending');
    }
    // Only the status can have changed.
    return { ...order, status: current?.status ?? order.status };
  };
}
