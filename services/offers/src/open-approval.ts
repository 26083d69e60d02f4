import { createServiceTokenSigner } from '@loan-buddy/kit/admission';
import { createPublishEvent, type MessageBus } from '@loan-buddy/kit/messaging';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { createHttpClient } from './client/http-client';
import type { Worker } from './db/worker';
import type { Config } from './config';
import { createApplyDecision } from './approval/apply-decision';
import type { EventLog } from './events/event-log';
import type { OrderEvent } from './domain/order-event';
import type { AwaitOrder } from './orders/await-order';
import type { Approval } from './orders/checkout';
import type { OrderStore } from './orders/order-store';
import { createPaymentBreaker, type BreakerState } from './approval/payment-breaker';
import { createPaymentClient, MAX_DECISION_BYTES } from './approval/payment-client';
import { createRequestDecision } from './approval/request-decision';
import { createDecisionWorker } from './approval/decision-worker';
import { createAttemptDecision } from './approval/attempt-decision';

/** Duration of an attempt beyond its call and its statements: almost none, unless the machine stalls. */
const LEASE_MARGIN_MS = 1000;
/** Maximum concurrent decisions to apply: more would only wait for a database connection. */
const MAX_DECISIONS = 50;
/** Time limit for publishing a message. */
const PUBLISH_MS = 5000;
/** Maximum concurrent calls to confirm-payment, which it must handle. */
const MAX_CALLS = 10;
/** Maximum concurrent request messages. They wait for no response. */
const MAX_REQUESTS = 50;

/** The components that get decisions on orders. */
export interface OpenApproval {
  approval: Approval;
  /** Handles due orders. */
  decisionWorker: Worker;
  /** The state of the breaker around confirm-payment; undefined if there is none, as with Pub/Sub. */
  breakerState: () => BreakerState | undefined;
  close: () => Promise<void>;
}

interface Parts {
  config: Config;
  orders: OrderStore;
  logger: Logger;
}

/** Asks confirm-payment over HTTP, within the checkout's request or from the decision worker. */
export function openHttpApproval({ config, orders, logger }: Parts): OpenApproval {
  const client = createHttpClient({
    baseUrl: config.CONFIRM_PAYMENT_URL,
    timeoutMs: config.CONFIRM_PAYMENT_TIMEOUT_MS,
    maxResponseBytes: MAX_DECISION_BYTES,
  });
  const { SERVICE_AUTH_SECRETS: secrets } = config;
  const token = { issuer: 'offers', audience: 'confirm-payment', scope: 'payments:confirm' };
  const signToken = secrets && createServiceTokenSigner(secrets, token);
  const breaker = createPaymentBreaker({
    askForDecision: createPaymentClient({ ...client, signToken }),
    failures: config.BREAKER_FAILURES,
    openMs: config.BREAKER_OPEN_MS,
    logger,
  });
  const policy = {
    attempts: config.RETRY_ATTEMPTS,
    baseMs: config.RETRY_BASE_MS,
    capMs: config.RETRY_CAP_MS,
  };
  const { askForDecision } = breaker;
  const attemptDecision = createAttemptDecision({ orders, askForDecision, policy, logger });
  // One call, one wait for a connection, two statements: a longer attempt has died.
  const leaseMs =
    config.CONFIRM_PAYMENT_TIMEOUT_MS + 3 * config.DATABASE_TIMEOUT_MS + LEASE_MARGIN_MS;
  const decisionWorker = createDecisionWorker({
    orders,
    attemptDecision,
    allowance: () => Math.min(MAX_CALLS, breaker.allowance()),
    leaseMs,
    logger,
  });
  breaker.onClosed(decisionWorker.wake);
  return {
    approval: { attemptDecision, leaseMs, dueInMs: leaseMs, wake: decisionWorker.wake },
    decisionWorker,
    breakerState: breaker.state,
    close: client.close,
  };
}

/**
 * Publishes decision requests, and receives decisions from a subscription. The decision worker does all the publishing,
 * including retries; a synchronous checkout waits for the decision as long as it would over HTTP.
 */
export function openPubSubApproval(
  parts: Parts & {
    bus: Pick<MessageBus, 'publish' | 'subscribe'>;
    log: EventLog;
    awaitOrder: AwaitOrder;
  },
): OpenApproval {
  const { config, orders, logger, bus, log, awaitOrder } = parts;
  const { DECISION_TIMEOUT_MS: timeoutMs, CONFIRM_PAYMENT_TIMEOUT_MS: waitMs } = config;
  const policy = {
    attempts: config.RETRY_ATTEMPTS,
    baseMs: timeoutMs,
    capMs: Math.max(timeoutMs, config.RETRY_CAP_MS),
  };
  bus.subscribe(config.PUBSUB_DECISIONS_SUBSCRIPTION, {
    maxMessages: MAX_DECISIONS,
    handle: createApplyDecision({ orders, logger }),
  });
  const publish = createPublishEvent<OrderEvent>(bus, config.PUBSUB_CHECKOUTS_TOPIC);
  const statementsMs = 3 * config.DATABASE_TIMEOUT_MS + LEASE_MARGIN_MS;
  const decisionWorker = createDecisionWorker({
    orders,
    attemptDecision: createRequestDecision({ orders, log, publish, policy, logger }),
    allowance: () => MAX_REQUESTS,
    leaseMs: PUBLISH_MS + statementsMs,
    logger,
  });
  const { wake } = decisionWorker;
  return {
    approval: {
      attemptDecision: async (order) => {
        wake();
        return (await awaitOrder(order.id, { waitMs })) ?? order;
      },
      leaseMs: waitMs + statementsMs,
      dueInMs: 0,
      wake,
    },
    decisionWorker,
    breakerState: () => undefined,
    close: () => Promise.resolve(),
  };
}
