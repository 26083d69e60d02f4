import { createPublishEvent, type MessageBus } from '@loan-buddy/kit/messaging';
import type { Logger } from '@loan-buddy/kit/telemetry';
import type { Order } from '../domain/order';
import type { OrderEvent } from '../domain/order-event';
import type { EventLog } from '../events/event-log';
import type { AwaitOrder } from '../orders/await-order';
import type { OrderStore } from '../orders/order-store';
import { createApplyDecision } from './apply-decision';
import type { RetryPolicy } from './attempt-decision';
import { createDecisionWorker } from './decision-worker';
import { createRequestDecision } from './request-decision';

/** Maximum concurrent decisions to apply: more would only wait for a database connection. */
const MAX_DECISIONS = 50;
/** Time limit for publishing a message. */
const PUBLISH_MS = 5000;
/** Maximum concurrent request messages. */
const MAX_REQUESTS = 50;

/**
 * Once its worker is started, publishes decision requests and receives decisions. Only the worker publishes; a
 * synchronous checkout waits for the decision for `waitMs`.
 *
 * @param options.topic where to publish requests
 * @param options.subscription where decisions arrive
 * @param options.policy `baseMs` is how long a decision may take
 * @param options.statementsMs maximum duration of an attempt in addition to publishing or waiting
 */
export function createPubSubApproval(options: {
  bus: Pick<MessageBus, 'publish' | 'subscribe'>;
  topic: string;
  subscription: string;
  waitMs: number;
  policy: RetryPolicy;
  statementsMs: number;
  orders: OrderStore;
  log: EventLog;
  awaitOrder: AwaitOrder;
  logger: Logger;
}) {
  const { bus, waitMs, statementsMs, orders, awaitOrder, logger } = options;
  const publish = createPublishEvent<OrderEvent>(bus, options.topic);
  const worker = createDecisionWorker({
    ...options,
    attemptDecision: createRequestDecision({ ...options, publish }),
    allowance: () => MAX_REQUESTS,
    // If it expires too early, the order is only requested twice. After a kill, a longer one would only delay the order.
    leaseMs: PUBLISH_MS,
  });
  const { wake } = worker;
  return {
    approval: {
      attemptDecision: async (order: Order) => {
        wake();
        return (await awaitOrder(order.id, { waitMs })) ?? order;
      },
      leaseMs: waitMs + statementsMs,
      dueInMs: 0,
      wake,
    },
    decisionWorker: {
      ...worker,
      start: () => {
        const handle = createApplyDecision(orders, logger);
        bus.subscribe(options.subscription, { maxMessages: MAX_DECISIONS, handle });
        worker.start();
      },
    },
    breakerState: () => undefined,
    close: () => Promise.resolve(),
  };
}
