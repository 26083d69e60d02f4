import { ExchangeEndedError, type Logger } from '@loan-buddy/kit';
import { pauseAfter } from './attempt-delays';
import type { SendWebhook } from './send-webhook';
import type { ClaimedDelivery, WebhookDeliveryStore } from './webhook-delivery-store';

/** How long an endpoint is left alone that cannot keep up and does not say for how long. */
const REST_MS = 5000;
/** How long at most the others wait because one of its messages was answered so. */
const MAX_REST_MS = 3_600_000;

/**
 * Sends one message and records what came of it: delivered, due again later, or failed for good. A signal that aborts
 * leaves it due at once.
 *
 * @throws {DatabaseUnavailableError} where that could not be recorded: it is sent again when its lease is over.
 */
export function createDeliverWebhook(dependencies: {
  deliveries: Pick<WebhookDeliveryStore, 'record' | 'release'>;
  send: SendWebhook;
  /** The pause before each attempt. */
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
    const { statusCode, error, slowDown, gone } = answer;
    const attempts = delivery.attempts + 1;
    const log = { endpointId: delivery.endpointId, messageId: delivery.id, attempts, statusCode };
    if (error === null) {
      await deliveries.record(delivery, { statusCode, error });
      logger.info(log, 'webhook delivered');
      return;
    }
    if (gone) {
      const disable = 'It answered 410: it wants no more.';
      await deliveries.record(delivery, { statusCode, error, disable });
      logger.warn(log, 'webhook endpoint is gone, and disabled');
      return;
    }
    const restMs = slowDown && Math.min(MAX_REST_MS, slowDown.retryAfterMs ?? REST_MS);
    const dueInMs = pauseAfter(attempts, delaysMs, slowDown?.retryAfterMs);
    await deliveries.record(delivery, { statusCode, error, dueInMs, restMs });
    const told = { ...log, reason: error };
    if (dueInMs === undefined) logger.warn(told, 'webhook given up');
    else logger.warn(told, 'webhook not delivered');
  };
}
