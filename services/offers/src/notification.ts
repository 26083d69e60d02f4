import type { Logger } from '@loan-buddy/kit/telemetry';
import type { WebClient } from './client/web-client';
import { createWorker, type Worker } from './db/worker';
import type { Kysely } from 'kysely';
import type { Sweep } from './db/sweep';
import type { Tables } from './db/tables';
import { createDeliverEmail } from './email/deliver-email';
import { createDeliverWebhook } from './webhooks/deliver-webhook';
import { createEmailJobStore } from './email/email-job-store';
import type { SendEmail } from './email/send-email';
import { createSendWebhook } from './webhooks/send-webhook';
import {
  createWebhookDeliveryStore,
  type WebhookDeliveryStore,
} from './webhooks/webhook-delivery-store';
import { createReceiverStore, MAX_RECEIVERS, type ReceiverStore } from './webhooks/receiver-store';

/** Maximum concurrent deliveries to one receiver. */
const PER_ENDPOINT = 4;
/**
 * Maximum concurrent deliveries in total: enough for the maximum number of receivers, so that hanging ones cannot block
 * the others.
 */
export const WEBHOOK_CONCURRENCY = PER_ENDPOINT * MAX_RECEIVERS;
/** Maximum concurrent e-mails, each over its own connection. */
const EMAIL_CONCURRENCY = 4;
/** Longer than sending one may take, including its statements. */
const EMAIL_LEASE_MS = 300_000;

/** Sends webhooks and e-mails about order events. */
export interface Notification extends Worker {
  receivers: ReceiverStore;
  deliveries: WebhookDeliveryStore;
  /** Whether receivers may have private addresses and plain HTTP. */
  allowPrivate: boolean;
  /** Delete old deliveries and e-mails. */
  sweeps: readonly Sweep[];
}

/**
 * Sends due webhooks and e-mails in the background: no checkout or decision waits for them.
 *
 * @param options.sendEmail if missing, a sweep skips due e-mails
 * @param options.retentionMs how long to keep what was sent or failed
 * @param options.leaseMarginMs time a delivery takes in addition to its exchange with the receiver
 * @param options.pollMs polling interval if there is no wake-up
 * @param options.graceMs at a stop, how long deliveries in progress may take to finish
 */
export function createNotification(options: {
  db: Kysely<Tables>;
  client: Pick<WebClient, 'post'>;
  timeoutMs: number;
  sendEmail: SendEmail | undefined;
  delaysMs: readonly number[];
  retentionMs: number;
  leaseMarginMs: number;
  pollMs?: number;
  graceMs: number;
  allowPrivate: boolean;
  logger: Logger;
}): Notification {
  const { db, client, timeoutMs, sendEmail, delaysMs, leaseMarginMs, logger } = options;
  const { retentionMs, pollMs, graceMs } = options;
  const deliveries = createWebhookDeliveryStore(db);
  const jobs = createEmailJobStore(db);

  const webhookWorker = createWorker({
    name: 'due webhooks',
    claim: (limit, inProgress) =>
      deliveries.claimDue({
        limit,
        perEndpoint: PER_ENDPOINT,
        inProgress: countByEndpoint(inProgress),
        leaseMs: timeoutMs + leaseMarginMs,
      }),
    work: createDeliverWebhook({
      deliveries,
      send: createSendWebhook({ client, timeoutMs }),
      delaysMs,
      logger,
    }),
    capacity: () => WEBHOOK_CONCURRENCY,
    pollMs,
    graceMs,
    logger,
  });

  const emailWorker =
    sendEmail &&
    createWorker({
      name: 'due e-mails',
      claim: (limit) => jobs.claimDue(limit, EMAIL_LEASE_MS),
      work: createDeliverEmail({ jobs, send: sendEmail, delaysMs, logger }),
      capacity: () => EMAIL_CONCURRENCY,
      pollMs,
      graceMs,
      logger,
    });

  const workers = emailWorker ? [webhookWorker, emailWorker] : [webhookWorker];

  return {
    receivers: createReceiverStore(db),
    deliveries,
    allowPrivate: options.allowPrivate,
    sweeps: [
      {
        rows: 'webhook deliveries',
        sweep: (signal) => deliveries.deleteEnded(retentionMs, signal),
      },
      { rows: 'e-mail jobs', sweep: (signal) => jobs.deleteEnded(retentionMs, signal) },
      ...(sendEmail ? [] : [{ rows: 'e-mails to send', sweep: jobs.skipDue }]),
    ],
    start: () => {
      for (const worker of workers) worker.start();
    },
    wake: () => {
      for (const worker of workers) worker.wake();
    },
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}

function countByEndpoint(inProgress: readonly { endpointId: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { endpointId } of inProgress)
    counts.set(endpointId, (counts.get(endpointId) ?? 0) + 1);
  return counts;
}
