import {
  ExchangeEndedError,
  ForbiddenAddressError,
  readRetryAfter,
  type WebClient,
} from '@loan-buddy/kit';
import type { ClaimedDelivery } from './webhook-delivery-store';
import { bodyOf, signedHeaders } from './webhook-message';

/** What a receiver made of a message. */
export interface WebhookAnswer {
  /** Null where it gave no answer. */
  statusCode: number | null;
  /** Null: it took it. */
  error: string | null;
  /** The receiver cannot keep up: it is to be left alone, for as long as it asked for if it did. */
  slowDown?: { retryAfterMs: number | undefined };
  /** The receiver wants nothing more, ever (410). */
  gone?: true;
}

/** @throws {ExchangeEndedError} `canceled` once the signal aborts: nobody knows whether the message arrived. */
export type SendWebhook = (
  delivery: ClaimedDelivery,
  signal: AbortSignal,
) => Promise<WebhookAnswer>;

/** No receiver may ask to be left alone for longer. */
const MAX_RETRY_AFTER_MS = 86_400_000;

/** What a receiver answers that cannot keep up, or whose proxy cannot reach it. */
const SLOW_DOWN = [429, 502, 503, 504];

/** The answer took too long, or the connection did, or the name servers. */
const TIMEOUTS: unknown[] = ['timeout', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEOUT'];

/** Sends a message once, signed as Standard Webhooks 1.0 has it. Only a 2xx within the deadline counts as taken. */
export function createSendWebhook(options: {
  client: Pick<WebClient, 'post'>;
  timeoutMs: number;
}): SendWebhook {
  const { client, timeoutMs } = options;
  return async (delivery, signal) => {
    const body = bodyOf(delivery);
    const headers = signedHeaders(delivery.id, body, delivery.secrets);
    try {
      const answer = await client.post(delivery.url, { headers, body, timeoutMs, signal });
      return judge(answer.status, answer.headers['retry-after']);
    } catch (error) {
      if (error instanceof ExchangeEndedError && error.code === 'canceled') throw error;
      const isOverloaded =
        error instanceof Error && 'code' in error && TIMEOUTS.includes(error.code);
      return {
        statusCode: null,
        error: reasonOf(error),
        ...(isOverloaded && { slowDown: { retryAfterMs: undefined } }),
      };
    }
  };
}

function judge(statusCode: number, retryAfter: string | undefined): WebhookAnswer {
  if (statusCode >= 200 && statusCode < 300) return { statusCode, error: null };
  if (statusCode === 410) return { statusCode, error: 'answered 410', gone: true };
  const redirect = statusCode >= 300 && statusCode < 400 ? ', and redirects are not followed' : '';
  const error = `answered ${String(statusCode)}${redirect}`;
  if (!SLOW_DOWN.includes(statusCode)) return { statusCode, error };
  const retryAfterMs = readRetryAfter(retryAfter, { maxMs: MAX_RETRY_AFTER_MS });
  return { statusCode, error, slowDown: { retryAfterMs } };
}

/** Names and codes only: messages of the network name addresses that the receiver's owner may not know. */
function reasonOf(error: unknown): string {
  if (error instanceof ForbiddenAddressError || error instanceof ExchangeEndedError) {
    return error.message;
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? `no answer (${code})` : 'no answer';
}
