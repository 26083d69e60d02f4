import { createServiceApp } from '@loan-buddy/kit/server';
import type { Express } from 'express';
import type { Context } from './context';
import { orderEventSchema } from './domain/order-event';
import { postErasure } from './http/erasures';
import { failedOrderEndpoints } from './http/failed-orders';
import { getEvents } from './http/get-events';
import { getOffer } from './http/get-offer';
import { getOffers } from './http/get-offers';
import { getOrder } from './http/get-order';
import { getOrderEvents, orderAttemptedSchema } from './http/get-order-events';
import { getOrders } from './http/get-orders';
import { checkoutResponse } from './http/order-body';
import { postCheckout } from './http/post-checkout';
import { problems } from './http/problems';
import { deliveryEndpoints } from './http/webhook-deliveries';
import { receiverEndpoints } from './http/webhook-receivers';
import { webPage } from './http/web-page';
import { webhooks } from './http/webhooks';
import { createIdempotentCheckout } from './orders/idempotent-checkout';

const info = {
  title: 'offers',
  version: '1.0.0',
  description: 'Loan offers from several providers, cheapest first, and the checkout of one.',
};

/** Builds the HTTP service without a listener. */
export function createApp(context: Context): Express {
  const idempotentCheckout = createIdempotentCheckout({
    ...context,
    toResponse: checkoutResponse,
  });
  const endpoints = [
    getOffers(context),
    postCheckout({ ...context, idempotentCheckout }),
    getOffer(context),
    getOrder(context),
    getOrderEvents(context),
    getOrders(context),
    ...failedOrderEndpoints(context),
    getEvents(context),
    postErasure(context),
    ...receiverEndpoints(context.webhooks),
    ...deliveryEndpoints(context.webhooks),
  ];
  return createServiceApp({
    ...context,
    info,
    problems,
    endpoints,
    webhooks,
    schemas: [orderEventSchema, orderAttemptedSchema],
    page: context.hasPage ? webPage() : undefined,
    links: { offers: '/offers', checkout: '/checkout', orders: '/orders' },
  });
}
