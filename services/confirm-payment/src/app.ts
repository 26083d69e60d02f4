import { createServiceApp } from '@loan-buddy/kit/server';
import type { Express } from 'express';
import type { Context } from './context';
import { decidedEventSchema } from './decide-checkout';
import { postConfirmPayment } from './http/post-confirm-payment';
import { problems } from './http/problems';

const info = {
  title: 'confirm-payment',
  version: '1.0.0',
  description: 'Decides whether the payment of an order is approved.',
};

export function createApp(context: Context): Express {
  return createServiceApp({
    ...context,
    info,
    problems,
    endpoints: [postConfirmPayment(context)],
    schemas: [decidedEventSchema],
    links: { confirm_payment: '/confirm-payment' },
  });
}
