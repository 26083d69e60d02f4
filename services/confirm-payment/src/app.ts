import type { Admission } from '@loan-buddy/kit/admission';
import { createServiceApp, type Lifecycle } from '@loan-buddy/kit/server';
import type { Logger } from '@loan-buddy/kit/telemetry';
import type { Express } from 'express';
import type { Decision } from './decide';
import { decidedEventSchema } from './decide-checkout';
import { postConfirmPayment } from './http/post-confirm-payment';
import { problems } from './http/problems';
import type { InjectFault } from './inject-fault';

export interface AppDependencies {
  logger: Logger;
  lifecycle: Lifecycle;
  admission?: Admission;
  decide: (amount: number) => Decision;
  injectFault: InjectFault;
}

const info = {
  title: 'confirm-payment',
  version: '1.0.0',
  description: 'Decides whether the payment of an order is approved.',
};

/** Creates the whole service over HTTP, without a listener. */
export function createApp(dependencies: AppDependencies): Express {
  const endpoints = [postConfirmPayment(dependencies)];
  return createServiceApp({
    ...dependencies,
    info,
    problems,
    endpoints,
    schemas: [decidedEventSchema],
    links: { confirm_payment: '/confirm-payment' },
  });
}
