import { ExchangeEndedError } from '../client/exchange';
import { ForbiddenAddressError } from '../client/public-address';
import { readRetryAfter } from '../client/retry-after';
import type { WebClient } from '../client/web-client';
import type { ClaimedDelivery } from './webhook-delivery-store';
import { bodyOf, signedHeaders } from './webhook-message';

/** How a receiver responded to a message. */
export interface WebhookResult {
  /** Null if there was no response. */
  statusCode: number | null;
  /** Null if the receiver accepted the message. */
  error: string | null;
  /** The receiver is overloaded: pause its deliveries, for as long as it requested, if it did. */
  overloaded?: { retryAfterMs: number | undefined };
  /** The receiver permanently refuses all messages (410). */
  gone?: boolean | undefined;
}

/** Longest pause that a receiver may request. */
const MAX_RETRY_AFTER_MS = 86_400_000;

/** Statuses of an overloaded receiver, or of a proxy that cannot reach it. */
const OVERLOADED = [429, 502, 503, 504];

/** Timeouts of the response, the connection or the name lookup. */
const TIMEOUTS: unknown[] = ['timeout', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEOUT'];

/**
 * Sends a message once, signed as Standard Webhooks 1.0 requires. Only a 2xx within the deadline counts as delivered.
 *
 * @throws {ExchangeEndedError} `canceled` once the signal aborts: whether the message arrived is then unknown.
 */
export function createSendWebhook(client: Pick<WebClient, 'post'>, timeoutMs: number) {
  return async (delivery: ClaimedDelivery, signal: AbortSignal): Promise<WebhookResult> => {
    const body = bodyOf(delivery);
    const headers = signedHeaders(delivery.id, body, delivery.secrets);
    try {
      const response = await client.post(delivery.url, { headers, body, timeoutMs, signal });
      return resultOf(response.status, response.headers['retry-after']);
    } catch (error) {
      if (error instanceof ExchangeEndedError && error.code === 'canceled') throw error;
      const isOverloaded =
        error instanceof Error && 'code' in error && TIMEOUTS.includes(error.code);
      return {
        statusCode: null,
        error: reasonOf(error),
        ...(isOverloaded && { overloaded: { retryAfterMs: undefined } }),
      };
    }
  };
}

function resultOf(statusCode: number, retryAfter: string | undefined): WebhookResult {
  if (statusCode >= 200 && statusCode < 300) return { statusCode, error: null };
  if (statusCode === 410) return { statusCode, error: 'responded 410', gone: true };
  const redirect = statusCode >= 300 && statusCode < 400 ? '; redirects are not followed' : '';
  const error = `responded ${String(statusCode)}${redirect}`;
  if (!OVERLOADED.includes(statusCode)) return { statusCode, error };
  const retryAfterMs = readRetryAfter(retryAfter, { maxMs: MAX_RETRY_AFTER_MS });
  return { statusCode, error, overloaded: { retryAfterMs } };
}

/** Names and codes only: network error messages contain addresses that the receiver's owner may not know. */
function reasonOf(error: unknown): string {
  if (error instanceof ForbiddenAddressError || error instanceof ExchangeEndedError) {
    return error.message;
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? `no response (${code})` : 'no response';
}
