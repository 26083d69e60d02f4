import type { Logger } from '@loan-buddy/kit/telemetry';
import { ExchangeEndedError } from '../client/exchange';
import { scheduledPauseMs } from '../db/backoff';
import type { SendWebhook } from './send-webhook';
import type { ClaimedDelivery, WebhookDeliveryStore } from './webhook-delivery-store';

/** Pause for an overloaded receiver that sends no `Retry-After`. */
const DEFAULT_PAUSE_MS = 5000;
/** Longest pause for a receiver's other deliveries after one such response. */
const MAX_PAUSE_MS = 3_600_000;

/**
 * Sends one message and records the result: delivered, due again later, or failed for good. If the signal aborts, the
 * delivery is due at once.
 *
 * @throws {DatabaseUnavailableError} if the result could not be recorded: the message is sent again after its lease.
 */
export function createDeliverWebhook(dependencies: {
  deliveries: Pick<WebhookDeliveryStore, 'record' | 'release'>;
  send: SendWebhook;
  /** Pause before each attempt. */
  delaysMs: readonly number[];
  logger: Logger;
}): (delivery: ClaimedDelivery, signal: AbortSignal) => Promise<void> {
  const { deliveries, send, delaysMs, logger } = dependencies;
  return async (delivery, signal) => {
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
    const log = { endpointId: delivery.endpointId, messageId: delivery.id, attempts, statusCode };
    if (error === null) {
      await deliveries.record(delivery, { statusCode, error });
      logger.info(log, 'webhook delivered');
      return;
    }
    if (gone) {
      const disable = 'The receiver responded 410 Gone.';
      await deliveries.record(delivery, { statusCode, error, disable });
      logger.warn(log, 'receiver disabled after 410');
      return;
    }
    const pauseMs =
      overloaded && Math.min(MAX_PAUSE_MS, overloaded.retryAfterMs ?? DEFAULT_PAUSE_MS);
    const dueInMs = scheduledPauseMs(attempts, delaysMs, overloaded?.retryAfterMs);
    await deliveries.record(delivery, { statusCode, error, dueInMs, pauseMs });
    const message = dueInMs === undefined ? 'webhook failed permanently' : 'webhook not delivered';
    logger.warn({ ...log, reason: error }, message);
  };
}
