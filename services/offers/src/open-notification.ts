import type { Logger } from '@loan-buddy/kit/telemetry';
import { publicOnly } from './client/public-address';
import { createWebClient } from './client/web-client';
import type { Kysely } from 'kysely';
import type { Config } from './config';
import type { Tables } from './db/tables';
import { attemptDelaysMs } from './db/backoff';
import { createNotification, WEBHOOK_CONCURRENCY, type Notification } from './notification';
import { createSendEmail } from './email/send-email';

/** Only the status of a receiver's response matters; reads this much of the body to keep the connection open. */
const MAX_ANSWER_BYTES = 16_384;
/** Maximum silence of the SMTP server. */
const SMTP_TIMEOUT_MS = 30_000;
const DAY_MS = 86_400_000;
/** Duration of a delivery beyond its exchange and its statements. */
const LEASE_MARGIN_MS = 1000;

/** Builds webhooks and e-mail as configured. */
export function openNotification(options: {
  config: Config;
  db: Kysely<Tables>;
  logger: Logger;
}): Notification {
  const { config, db, logger } = options;
  const { ALLOW_PRIVATE_WEBHOOKS: allowPrivate, SMTP_URL: url, SMTP_FROM: from } = config;
  const client = createWebClient({
    maxResponseBytes: MAX_ANSWER_BYTES,
    maxRedirects: 0,
    guard: allowPrivate ? undefined : publicOnly,
    // All concurrent deliveries may go to one origin.
    connections: WEBHOOK_CONCURRENCY,
  });
  const notification = createNotification({
    db,
    client,
    timeoutMs: config.WEBHOOK_TIMEOUT_MS,
    sendEmail:
      url !== undefined && from !== undefined
        ? createSendEmail({ url, from, timeoutMs: SMTP_TIMEOUT_MS })
        : undefined,
    delaysMs: attemptDelaysMs,
    retentionMs: config.NOTIFICATION_RETENTION_DAYS * DAY_MS,
    leaseMarginMs: 3 * config.DATABASE_TIMEOUT_MS + LEASE_MARGIN_MS,
    // The other half is for the rest of the shutdown.
    graceMs: Math.floor(config.SHUTDOWN_TIMEOUT_MS / 2),
    allowPrivate,
    logger,
  });
  return {
    ...notification,
    stop: async () => {
      await notification.stop();
      await client.close();
    },
  };
}
