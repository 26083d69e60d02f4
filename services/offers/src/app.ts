import { createServiceApp, type Lifecycle, type Logger } from '@loan-buddy/kit';
import type { Express } from 'express';
import { getOffer } from './http/get-offer';
import { getOffers } from './http/get-offers';
import { getOrder } from './http/get-order';
import { postCheckout } from './http/post-checkout';
import type { FindOffer } from './offers/find-offer';
import type { ListOffers } from './offers/list-offers';
import type { Checkout } from './orders/checkout';
import type { OrderStore } from './orders/order-store';
import { problems } from './http/problems';

export interface AppDependencies {
  logger: Logger;
  lifecycle: Lifecycle;
  listOffers: ListOffers;
  findOffer: FindOffer;
  checkout: Checkout;
  orders: Pick<OrderStore, 'find'>;
}

const info = {
  title: 'offers',
  version: '1.0.0',
  description: 'Loan offers from several providers, cheapest first, and the checkout of one.',
};

/** The whole service over HTTP, without a listener. */
export function createApp(dependencies: AppDependencies): Express {
  const { logger, lifecycle } = dependencies;
  const endpoints = [
    getOffers(dependencies),
    postCheckout(dependencies),
    getOffer(dependencies),
    getOrder(dependencies),
  ];
  return createServiceApp({ info, logger, lifecycle, problems, endpoints });
}
