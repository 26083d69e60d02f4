import { createJobWorker, type Logger, type Poller, type WebClient } from '@loan-buddy/kit';
import type { Kysely } from 'kysely';
import type { Sweep } from '../db/keep-sweeping';
import type { Tables } from '../db/tables';
import { createDeliverEmail } from './deliver-email';
import { createDeliverWebhook } from './deliver-webhook';
import { createEmailJobStore } from './email-job-store';
import type { SendEmail } from './send-email';
import { createSendWebhook } from './send-webhook';
import { createWebhookDeliveryStore, type WebhookDeliveryStore } from './webhook-delivery-store';
import {
  createWebhookEndpointStore,
  MAX_ENDPOINTS,
  type WebhookEndpointStore,
} from './webhook-endpoint-store';

/** Messages under way to one endpoint at the same time. */
const PER_ENDPOINT = 4;
/** The same in all: enough for all endpoints there may be, so that however many hang, the others keep their places. */
export const WEBHOOK_CONCURRENCY = PER_ENDPOINT * MAX_ENDPOINTS;
/** E-mails under way at the same time, each over its own connection. */
const EMAIL_CONCURRENCY = 4;
/** Longer than sending one may take, with its statements. */
const EMAIL_LEASE_MS = 300_000;

/** Tells those who want to know what orders come to. */
export interface Notification extends Poller {
  endpoints: WebhookEndpointStore;
  deliveries: WebhookDeliveryStore;
  /** Whether endpoints may be on addresses that are not public, and without TLS. */
  allowPrivate: boolean;
  /** Forget what ended long ago. */
  sweeps: readonly Sweep[];
}

/**
 * Sends webhooks and e-mails that are due, beside everything else: none of it is waited for by whoever orders or
 * decides.
 *
 * @param options.sendEmail without it, e-mails that are due are skipped by a sweep
 * @param options.retentionMs how long what was sent or given up is kept
 * @param options.leaseMarginMs what a delivery takes besides its exchange with the receiver
 * @param options.pollMs how often what is due is looked for where nobody wakes it
 * @param options.graceMs how long those in hand have to end by themselves at a stop
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

  const webhookWorker = createJobWorker({
    name: 'due webhooks',
    claim: (limit, inHand) =>
      deliveries.claimDue({
        limit,
        perEndpoint: PER_ENDPOINT,
        inHand: countByEndpoint(inHand),
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
    createJobWorker({
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
    endpoints: createWebhookEndpointStore(db),
    deliveries,
    allowPrivate: options.allowPrivate,
    sweeps: [
      {
        rows: 'webhook deliveries',
        sweep: (signal) => deliveries.forgetEnded(retentionMs, signal),
      },
      { rows: 'e-mail jobs', sweep: (signal) => jobs.forgetEnded(retentionMs, signal) },
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

function countByEndpoint(inHand: readonly { endpointId: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { endpointId } of inHand) counts.set(endpointId, (counts.get(endpointId) ?? 0) + 1);
  return counts;
}
