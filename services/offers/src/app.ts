import type { Admission } from '@loan-buddy/kit/admission';
import { createServiceApp, type Lifecycle, type ReadinessDetail } from '@loan-buddy/kit/server';
import type { GaugeSource, Logger } from '@loan-buddy/kit/telemetry';
import type { Worker } from './db/worker';
import type { Express } from 'express';
import { orderEventSchema } from './domain/order-event';
import { getFailedOrders, postFailedOrderRetry, postFailedOrdersRetry } from './http/failed-orders';
import { getOffer } from './http/get-offer';
import { getOffers } from './http/get-offers';
import { getOrder } from './http/get-order';
import { getOrderEvents } from './http/get-order-events';
import { getOrders } from './http/get-orders';
import { checkoutResponse } from './http/order-body';
import { postCheckout } from './http/post-checkout';
import { problems } from './http/problems';
import {
  getWebhookDeliveries,
  postWebhookReplay,
  postWebhookTest,
} from './http/webhook-deliveries';
import {
  deleteWebhookReceiver,
  getWebhookReceiver,
  getWebhookReceivers,
  patchWebhookReceiver,
  postWebhookReceiver,
  postWebhookSecretRotation,
} from './http/webhook-receivers';
import { webhooks } from './http/webhooks';
import type { Notification } from './notification';
import type { FindOffer } from './catalogue/find-offer';
import type { ListOffers } from './catalogue/list-offers';
import type { AwaitOrder } from './orders/await-order';
import type { Checkout, CheckoutMode } from './orders/checkout';
import type { IdempotencyStore } from './orders/idempotency';
import { createIdempotentCheckout } from './orders/idempotent-checkout';
import type { OrderFeed } from './events/order-feed';
import type { OrderStore } from './orders/order-store';

export interface AppDependencies {
  logger: Logger;
  lifecycle: Lifecycle;
  admission?: Admission;
  trustedProxies?: number;
  listOffers: ListOffers;
  providerNames: readonly string[];
  findOffer: FindOffer;
  checkout: Checkout;
  checkoutMode: CheckoutMode;
  orders: OrderStore;
  awaitOrder: AwaitOrder;
  feed: OrderFeed;
  idempotency: IdempotencyStore;
  idempotencyTtlMs: number;
  decisionWorker: Pick<Worker, 'wake'>;
  notification: Pick<Notification, 'receivers' | 'deliveries' | 'wake' | 'allowPrivate'>;
  readinessDetail: ReadinessDetail;
  gaugeSources: readonly GaugeSource[];
}

const info = {
  title: 'offers',
  version: '1.0.0',
  description: 'Loan offers from several providers, cheapest first, and the checkout of one.',
};

/** Builds the HTTP service without a listener. */
export function createApp(dependencies: AppDependencies): Express {
  const { notification } = dependencies;
  const idempotentCheckout = createIdempotentCheckout({
    ...dependencies,
    toResponse: checkoutResponse,
  });
  const endpoints = [
    getOffers(dependencies),
    postCheckout({ ...dependencies, idempotentCheckout }),
    getOffer(dependencies),
    getOrder(dependencies),
    getOrderEvents(dependencies),
    getOrders(dependencies),
    getFailedOrders(dependencies),
    postFailedOrderRetry(dependencies),
    postFailedOrdersRetry(dependencies),
    postWebhookReceiver(notification),
    getWebhookReceivers(notification),
    getWebhookReceiver(notification),
    patchWebhookReceiver(notification),
    deleteWebhookReceiver(notification),
    postWebhookSecretRotation(notification),
    postWebhookTest(notification),
    getWebhookDeliveries(notification),
    postWebhookReplay(notification),
  ];
  return createServiceApp({
    ...dependencies,
    info,
    problems,
    endpoints,
    webhooks,
    schemas: [orderEventSchema],
    links: { offers: '/offers', checkout: '/checkout', orders: '/orders' },
  });
}
