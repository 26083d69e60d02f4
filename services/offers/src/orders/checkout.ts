import { AppError, type Logger } from '@loan-buddy/kit';
import { DatabaseUnavailableError } from '../db/unavailable';
import type { FindOffer } from '../offers/find-offer';
import type { IdempotentRequest } from './idempotency';
import type { AwaitOrder } from './await-order';
import { newOrderId, type NewOrder, type Order } from './order';
import type { OrderStore } from './order-store';
import type { AttemptDecision } from './attempt-decision';

/** No provider offers a loan of that id. */
export class UnknownLoanError extends AppError {
  readonly code = 'unknown-loan';

  constructor(loanId: string, isForAmount: boolean) {
    super(`No provider offers a loan ${loanId}${isForAmount ? ' for that amount and term' : ''}.`, {
      faults: [{ detail: 'There is no offer of this id.', pointer: '#/loan_id' }],
    });
  }
}

/** The request's idempotency key was taken in the meantime: another request with it made its order. */
export class KeyTakenError extends Error {
  readonly code = 'key-taken';
  override readonly name = 'KeyTakenError';
}

/** Whether a checkout that says nothing of it waits for the decision. */
export const checkoutModes = ['sync', 'async'] as const;

export type CheckoutMode = (typeof checkoutModes)[number];

/** Makes an order of a user's pick; see {@link createCheckout}. */
export type Checkout = (wanted: {
  userId: string;
  loanId: string;
  /** The amount and term wanted, where the offer leaves them open. */
  amount?: number | undefined;
  termMonths?: number | undefined;
  email?: string | undefined;
  /** Leaves the asking to the decision worker and waits this long for the decision; if missing, asks within this request. */
  waitMs?: number | undefined;
  /** Ends that wait. */
  signal?: AbortSignal | undefined;
  /** Called when nothing is left to do but to wait. */
  onWait?: (() => void) | undefined;
  requestId: string;
  traceparent?: string | undefined;
  request?: IdempotentRequest | undefined;
}) => Promise<Order>;

/** How the decision on an order that was written down comes about. */
export interface Approval {
  /** Asks now or has it asked for, and returns the order as it is after the time that may take. */
  attemptDecision: AttemptDecision;
  /** How long that may take, with its statements. */
  leaseMs: number;
  /** When the order is due meanwhile: at once where others do the asking, else when whoever asks must have died. */
  dueInMs: number;
  /** Has those orders asked for that are due. */
  wake: () => void;
}

/**
 * Takes a user's pick of an offer: writes the order down, asks for the decision or has it asked for, and returns the order
 * as it then is. It is `PENDING` where nobody has decided, and then the decision worker goes on asking. From the moment it is
 * written down nothing loses it: if the process dies first, the order is due when `dueInMs` have passed.
 *
 * @throws {UnknownLoanError} where no provider has that offer.
 * @throws {ProviderUnavailableError} where the provider that would have it does not answer.
 * @throws {KeyTakenError} where the request already made an order.
 * @throws {DatabaseUnavailableError} where the order could not be written down.
 */
export function createCheckout(dependencies: {
  findOffer: FindOffer;
  orders: Pick<OrderStore, 'insert'>;
  approval: Approval;
  awaitOrder: AwaitOrder;
  logger: Logger;
}): Checkout {
  const { findOffer, orders, approval, awaitOrder, logger } = dependencies;
  const { attemptDecision, leaseMs, dueInMs, wake } = approval;
  return async (wanted) => {
    const { userId, loanId, amount, termMonths, waitMs, signal, requestId, request } = wanted;
    const offer = await findOffer(loanId, { amount, termMonths });
    if (!offer) throw new UnknownLoanError(loanId, (amount ?? termMonths) !== undefined);
    const order: NewOrder = {
      id: newOrderId(),
      userId,
      status: 'PENDING',
      createdAt: new Date(),
      offer: {
        id: offer.id,
        provider: offer.provider,
        rate: offer.rate,
        amount: offer.amount,
        termMonths,
      },
      attempts: 0,
      traceparent: wanted.traceparent,
      email: wanted.email,
    };
    const isAsync = waitMs !== undefined;
    const written = await orders.insert(
      order,
      isAsync ? 0 : dueInMs,
      request && { ...request, inFlightMs: leaseMs + (waitMs ?? 0) },
    );
    if (!written) throw new KeyTakenError('the idempotency key belongs to another order');
    try {
      if (!isAsync) return await attemptDecision(order, { requestId });
      wake();
      if (waitMs === 0) return order;
      wanted.onWait?.();
      return (await awaitOrder(order.id, { waitMs, signal })) ?? order;
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      // It is written down, and still due: whatever was decided just now, nobody has recorded it.
      logger.warn({ err: error, orderId: order.id, requestId }, 'order stays pending');
      return order;
    }
  };
}
