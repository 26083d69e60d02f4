import {
  createServiceApp,
  type Lifecycle,
  type Logger,
  type ReadinessDetail,
} from '@loan-buddy/kit';
import type { Express } from 'express';
import { createAnswerCheckout } from './http/answer-checkout';
import { getFailedOrders, postFailedOrderRetry, postFailedOrdersRetry } from './http/failed-orders';
import { getOffer } from './http/get-offer';
import { getOffers } from './http/get-offers';
import { getOrder } from './http/get-order';
import { getOrders } from './http/get-orders';
import { postCheckout } from './http/post-checkout';
import { problems } from './http/problems';
import type { FindOffer } from './offers/find-offer';
import type { ListOffers } from './offers/list-offers';
import type { Checkout } from './orders/checkout';
import type { IdempotencyStore } from './orders/idempotency';
import type { OrderStore } from './orders/order-store';
import type { RetryWorker } from './orders/retry-worker';

export interface AppDependencies {
  logger: Logger;
  lifecycle: Lifecycle;
  listOffers: ListOffers;
  providerNames: readonly string[];
  findOffer: FindOffer;
  checkout: Checkout;
  orders: OrderStore;
  idempotency: IdempotencyStore;
  idempotencyTtlMs: number;
  retryWorker: Pick<RetryWorker, 'wake'>;
  readinessDetail: ReadinessDetail;
}

const info = {
  title: 'offers',
  version: '1.0.0',
  description: 'Loan offers from several providers, cheapest first, and the checkout of one.',
};

/** The whole service over HTTP, without a listener. */
export function createApp(dependencies: AppDependencies): Express {
  const { logger, lifecycle, readinessDetail } = dependencies;
  const endpoints = [
    getOffers(dependencies),
    postCheckout({ answerCheckout: createAnswerCheckout(dependencies) }),
    getOffer(dependencies),
    getOrder(dependencies),
    getOrders(dependencies),
    getFailedOrders(dependencies),
    postFailedOrderRetry(dependencies),
    postFailedOrdersRetry(dependencies),
  ];
  return createServiceApp({ info, logger, lifecycle, problems, endpoints, readinessDetail });
}
