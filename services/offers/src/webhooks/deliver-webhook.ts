import type { Logger } from '@loan-buddy/kit/telemetry';
import { ExchangeEndedError } from '../client/exchange';
import { pauseAfter } from '../db/attempt-delays';
import type { SendWebhook } from './send-webhook';
import type { ClaimedDelivery, WebhookDeliveryStore } from './webhook-delivery-store';

/** Pause for an overloaded receiver that sends no `Retry-After`. */
const REST_MS = 5000;
/** Longest pause for a receiver's other deliveries after one such response. */
const MAX_REST_MS = 3_600_000;

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
    let answer;
    try {
      answer = await send(delivery, signal);
    } catch (error) {
      if (!(error instanceof ExchangeEndedError)) throw error;
      await deliveries.release(delivery);
      return;
    }
    const { statusCode, error, overloaded, gone } = answer;
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
    const restMs = overloaded && Math.min(MAX_REST_MS, overloaded.retryAfterMs ?? REST_MS);
    const dueInMs = pauseAfter(attempts, delaysMs, overloaded?.retryAfterMs);
    await deliveries.record(delivery, { statusCode, error, dueInMs, restMs });
    const told = { ...log, reason: error };
    if (dueInMs === undefined) logger.warn(told, 'webhook failed permanently');
    else logger.warn(told, 'webhook not delivered');
  };
}
