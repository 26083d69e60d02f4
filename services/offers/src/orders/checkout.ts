import { AppError, type Logger } from '@loan-buddy/kit';
import { DatabaseUnavailableError } from '../db/unavailable';
import type { FindOffer } from '../offers/find-offer';
import type { IdempotentRequest } from './idempotency';
import { newOrderId, type Order } from './order';
import type { OrderStore } from './order-store';
import type { SettleOrder } from './settle-order';

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

export type Checkout = (wanted: {
  userId: string;
  loanId: string;
  /** The amount and term wanted, where the offer leaves them open. */
  amount?: number | undefined;
  termMonths?: number | undefined;
  requestId: string;
  request?: IdempotentRequest | undefined;
}) => Promise<Order>;

/**
 * Takes a user's pick of an offer: writes the order down, asks for the decision, and returns the order as it then is.
 * It is `PENDING` where nobody decided, and then the retry worker goes on asking. From the moment it is written down
 * nothing loses it; what dies before it could record a decision leaves it due `leaseMs` later.
 *
 * @throws {UnknownLoanError} where no provider has that offer.
 * @throws {ProviderUnavailableError} where the provider that would have it does not answer.
 * @throws {KeyTakenError} where the request already made an order.
 * @throws {DatabaseUnavailableError} where the order could not be written down.
 */
export function createCheckout(dependencies: {
  findOffer: FindOffer;
  orders: Pick<OrderStore, 'insert'>;
  settleOrder: SettleOrder;
  leaseMs: number;
  logger: Logger;
}): Checkout {
  const { findOffer, orders, settleOrder, leaseMs, logger } = dependencies;
  return async ({ userId, loanId, amount, termMonths, requestId, request }) => {
    const offer = await findOffer(loanId, { amount, termMonths });
    if (!offer) throw new UnknownLoanError(loanId, (amount ?? termMonths) !== undefined);
    const order: Order = {
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
    };
    if (!(await orders.insert(order, leaseMs, request))) {
      throw new KeyTakenError('the idempotency key belongs to another order');
    }
    try {
      return await settleOrder(order, { requestId });
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      // It is written down, and still due: whatever was decided just now, nobody has recorded it.
      logger.warn({ err: error, orderId: order.id, requestId }, 'order stays pending');
      return order;
    }
  };
}
