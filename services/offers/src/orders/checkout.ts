import { AppError, type Logger } from '@loan-buddy/kit';
import { v7 as uuidv7 } from 'uuid';
import type { FindOffer } from '../offers/find-offer';
import type { Order } from './order';
import type { OrderStore } from './order-store';
import { UndecidedError, type AskForDecision } from './payment-client';

/** No provider offers a loan of that id. */
export class UnknownLoanError extends AppError {
  readonly code = 'unknown-loan';

  constructor(loanId: string) {
    super(`No provider offers a loan ${loanId}.`, {
      faults: [{ detail: 'There is no offer of this id.', pointer: '#/loan_id' }],
    });
  }
}

export type Checkout = (wanted: {
  userId: string;
  loanId: string;
  requestId: string;
}) => Promise<Order>;

/**
 * Takes a user's pick of an offer: writes the order down, asks for the decision, and returns the order as it then is.
 * It is `PENDING` where nobody decided. Each call makes a new order.
 *
 * @throws {UnknownLoanError} where no provider has that offer.
 * @throws {ProviderUnavailableError} where the provider that would have it does not answer.
 */
export function createCheckout(dependencies: {
  findOffer: FindOffer;
  orders: OrderStore;
  askForDecision: AskForDecision;
  logger: Logger;
}): Checkout {
  const { findOffer, orders, askForDecision, logger } = dependencies;
  return async ({ userId, loanId, requestId }) => {
    const offer = await findOffer(loanId);
    if (!offer) throw new UnknownLoanError(loanId);
    const order: Order = {
      id: `order-${uuidv7()}`,
      userId,
      status: 'PENDING',
      createdAt: new Date(),
      offer,
    };
    await orders.insert(order);
    try {
      return await orders.decide(order.id, await askForDecision(order, { requestId }));
    } catch (error) {
      if (!(error instanceof UndecidedError)) throw error;
      logger.warn({ err: error, orderId: order.id, requestId }, 'order stays pending');
      return order;
    }
  };
}
