import { publicOnly } from '../client/public-address';
import { createWebClient } from '../client/web-client';
import type { Sweep } from '../db/sweep';
import { createWorker, type SendingOptions } from '../db/worker';
import { createDeliverWebhook } from './deliver-webhook';
import { createReceiverStore, MAX_RECEIVERS } from './receiver-store';
import { createSendWebhook } from './send-webhook';
import { createWebhookDeliveryStore } from './webhook-delivery-store';

/** Maximum concurrent deliveries to one receiver. */
const PER_RECEIVER = 4;
/**
 * Maximum concurrent deliveries in total: enough for the maximum number of receivers, so that hanging ones cannot block
 * the others.
 */
const CONCURRENCY = PER_RECEIVER * MAX_RECEIVERS;
/** Only the status of a receiver's response matters; reads this much of the body to keep the connection open. */
const MAX_RESPONSE_BYTES = 16_384;

/** The receivers, their deliveries, and the worker that sends these. */
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
  const send = createSendWebhook({ client, timeoutMs });
  const worker = createWorker({
    name: 'due webhooks',
    claim: (limit, inProgress) =>
      deliveries.claimDue({
        limit,
        perEndpoint: PER_RECEIVER,
        inProgress: countByReceiver(inProgress),
        leaseMs: timeoutMs + options.statementsMs,
      }),
    work: createDeliverWebhook({ deliveries, send, delaysMs, logger }),
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

function countByReceiver(inProgress: readonly { endpointId: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { endpointId } of inProgress)
    counts.set(endpointId, (counts.get(endpointId) ?? 0) + 1);
  return counts;
}
