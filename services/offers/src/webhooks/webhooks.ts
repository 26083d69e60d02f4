import { createCounter, inLinkedSpan } from '@loan-buddy/kit/telemetry';
import { ExchangeEndedError } from '../client/exchange';
import { publicOnly } from '../client/public-address';
import { createWebClient } from '../client/web-client';
import { scheduledPauseMs } from '../db/backoff';
import type { Sweep } from '../db/sweep';
import { createWorker, type SendingOptions } from '../db/worker';
import { createReceiverStore, MAX_RECEIVERS } from './receiver-store';
import { createSendWebhook } from './send-webhook';
import { createWebhookDeliveryStore, type ClaimedDelivery } from './webhook-delivery-store';

/** Maximum concurrent deliveries to one receiver. */
const PER_RECEIVER = 4;
/** Maximum concurrent deliveries in total: enough for all receivers, so that hanging ones cannot block the others. */
const CONCURRENCY = PER_RECEIVER * MAX_RECEIVERS;
/** Only the status of a receiver's response matters; reads this much of the body to keep the connection open. */
const MAX_RESPONSE_BYTES = 16_384;
/** Pause for an overloaded receiver that sends no `Retry-After`. */
const DEFAULT_PAUSE_MS = 5000;
/** Longest pause for an overloaded receiver's other deliveries. The failed one waits for as long as requested. */
const MAX_PAUSE_MS = 3_600_000;

const countAttempt = createCounter({
  name: 'loan_buddy_webhook_attempts_total',
  help: 'Attempts to deliver a webhook: delivered, retried later, or failed for good.',
  label: 'outcome',
  values: ['delivered', 'retried', 'failed'],
});

export type Webhooks = ReturnType<typeof createWebhooks>;

/**
 * Sends due webhooks in the background: no checkout or decision waits for them.
 *
 * @param options.allowPrivate whether receivers may have private addresses and plain HTTP
 * @param options.timeoutMs deadline of a receiver
 * @param options.statementsMs maximum duration of a delivery in addition to its exchange with the receiver
 */
export function createWebhooks(
  options: SendingOptions & { allowPrivate: boolean; timeoutMs: number; statementsMs: number },
) {
  const { db, allowPrivate, timeoutMs, delaysMs, pollMs, graceMs, logger } = options;
  const deliveries = createWebhookDeliveryStore(db);
  const client = createWebClient({
    maxResponseBytes: MAX_RESPONSE_BYTES,
    maxRedirects: 0,
    guard: allowPrivate ? undefined : publicOnly,
    // All concurrent deliveries may go to one origin.
    connections: CONCURRENCY,
  });
  const send = createSendWebhook(client, timeoutMs);

  /** Sends one message and records the result. If the signal aborts, the delivery is due at once. */
  const deliver = async (delivery: ClaimedDelivery, signal: AbortSignal) => {
    let result;
    try {
      result = await send(delivery, signal);
    } catch (error) {
      if (!(error instanceof ExchangeEndedError)) throw error;
      await deliveries.release(delivery);
      return;
    }
    const { statusCode, error, overloaded, gone } = result;
    const attempts = delivery.attempts + 1;
    const pauseMs =
      overloaded && Math.min(MAX_PAUSE_MS, overloaded.retryAfterMs ?? DEFAULT_PAUSE_MS);
    const dueInMs = gone
      ? undefined
      : scheduledPauseMs(attempts, delaysMs, overloaded?.retryAfterMs);
    await deliveries.record(delivery, { statusCode, error, dueInMs, pauseMs, gone });
    const log = { endpointId: delivery.endpointId, messageId: delivery.id, attempts, statusCode };
    const isLast = dueInMs === undefined;
    countAttempt(error === null ? 'delivered' : isLast ? 'failed' : 'retried');
    const failed = isLast ? 'webhook failed permanently' : 'webhook not delivered';
    if (error === null) logger.info(log, 'webhook delivered');
    else if (gone) logger.warn(log, 'receiver disabled after 410');
    else logger.warn({ ...log, reason: error }, failed);
  };

  const worker = createWorker<ClaimedDelivery>({
    name: 'due webhooks',
    claim: (limit, inProgress) =>
      deliveries.claimDue({
        limit,
        perEndpoint: PER_RECEIVER,
        inProgress: countByReceiver(inProgress),
        leaseMs: timeoutMs + options.statementsMs,
      }),
    work: (delivery, signal) =>
      inLinkedSpan('deliver webhook', spanOf(delivery), () => deliver(delivery, signal)),
    capacity: () => CONCURRENCY,
    pollMs,
    graceMs,
    logger,
  });
  return {
    ...worker,
    receivers: createReceiverStore(db),
    deliveries,
    allowPrivate,
    sweeps: [
      {
        rows: 'webhook deliveries',
        sweep: (signal) => deliveries.deleteEnded(options.retentionMs, signal),
      },
    ] satisfies Sweep[],
    close: client.close,
  };
}

function spanOf({ traceparent, id, endpointId, data }: ClaimedDelivery) {
  const attributes = {
    'loan_buddy.webhook.id': id,
    'loan_buddy.receiver.id': endpointId,
    ...('order_id' in data && { 'loan_buddy.order.id': String(data.order_id) }),
  };
  return { kind: 'CONSUMER', traceparent, attributes } as const;
}

function countByReceiver(inProgress: readonly { endpointId: string }[]) {
  const counts: Record<string, number> = {};
  for (const { endpointId } of inProgress) counts[endpointId] = (counts[endpointId] ?? 0) + 1;
  return counts;
}
