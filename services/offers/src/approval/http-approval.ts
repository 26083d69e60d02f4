import { createServiceTokenSigner } from '@loan-buddy/kit/admission';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { createHttpClient } from '../client/http-client';
import type { OrderStore } from '../orders/order-store';
import { createAttemptDecision, type RetryPolicy } from './attempt-decision';
import { createDecisionWorker } from './decision-worker';
import { observeRequests } from './decision-request-metrics';
import { createPaymentBreaker } from './payment-breaker';
import { createPaymentClient, MAX_DECISION_BYTES, type AskForDecision } from './payment-client';

/** Maximum concurrent calls to confirm-payment, which it must handle. */
const MAX_CALLS = 10;
const TOKEN = { issuer: 'offers', audience: 'confirm-payment', scope: 'payments:confirm' };

/**
 * Asks confirm-payment over HTTP, within the checkout's request or from the decision worker.
 *
 * @param options.secrets sign the calls' tokens
 * @param options.askForDecision replaces the call
 * @param options.failures consecutive failures after which the breaker opens, for `openMs`
 * @param options.statementsMs maximum duration of an attempt in addition to its call
 */
export function createHttpApproval(options: {
  baseUrl: string;
  timeoutMs: number;
  secrets: readonly string[] | undefined;
  askForDecision?: AskForDecision | undefined;
  failures: number;
  openMs: number;
  policy: RetryPolicy;
  statementsMs: number;
  orders: OrderStore;
  logger: Logger;
}) {
  const { baseUrl, timeoutMs, secrets } = options;
  const client = createHttpClient({ baseUrl, timeoutMs, maxResponseBytes: MAX_DECISION_BYTES });
  const signToken = secrets && createServiceTokenSigner(secrets, TOKEN);
  const breaker = createPaymentBreaker({
    ...options,
    askForDecision: observeRequests(
      options.askForDecision ?? createPaymentClient({ ...client, signToken }),
    ),
  });
  const { askForDecision } = breaker;
  const attemptDecision = createAttemptDecision({ ...options, askForDecision });
  // If an attempt takes longer, its process has died.
  const leaseMs = timeoutMs + options.statementsMs;
  const decisionWorker = createDecisionWorker({
    ...options,
    attemptDecision,
    allowance: () => Math.min(MAX_CALLS, breaker.allowance()),
    leaseMs,
  });
  const wake = () => {
    decisionWorker.wake();
  };
  breaker.onClosed(wake);
  return {
    approval: { attemptDecision, leaseMs, dueInMs: leaseMs, wake },
    /** Handles due orders. */
    decisionWorker,
    breakerState: breaker.state,
    /** Closes the connections after the calls in progress. */
    close: client.close,
  };
}
