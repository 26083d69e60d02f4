import { AppError } from '@loan-buddy/kit/problem';
import { createCounter } from '@loan-buddy/kit/telemetry';
import { Histogram } from 'prom-client';
import type { Order } from '../domain/order';

const countCheckout = createCounter({
  name: 'loan_buddy_checkouts_total',
  help: 'Checkouts by outcome: the status of the order when it was returned, or the code of the problem. Repeated requests with an idempotency key are not counted.',
  label: 'outcome',
  values: ['APPROVED', 'REJECTED', 'PENDING'],
});

const decisionTimes = new Histogram({
  name: 'loan_buddy_time_to_decision_seconds',
  help: 'Time from the checkout of an order until this process recorded its decision.',
  labelNames: ['decision'],
  buckets: [0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200],
});

/** Counts checkouts by their outcome. */
export function countCheckouts<Arguments extends unknown[]>(
  checkout: (...request: Arguments) => Promise<Order>,
): (...request: Arguments) => Promise<Order> {
  return async (...request) => {
    try {
      const order = await checkout(...request);
      countCheckout(order.status);
      return order;
    } catch (error) {
      countCheckout(error instanceof AppError ? error.code : 'internal-error');
      throw error;
    }
  };
}

export function observeDecision({ status, createdAt }: Order): void {
  const seconds = Math.max(0, Date.now() - createdAt.getTime()) / 1000;
  decisionTimes.observe({ decision: status }, seconds);
}
