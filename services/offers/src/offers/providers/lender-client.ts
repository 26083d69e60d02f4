import { createWebClient, publicOnly, type WebClient } from '@loan-buddy/kit';

/** Far more than the product data of a real lender. */
const MAX_RESPONSE_BYTES = 5 * 1024 * 1024;
const MAX_REDIRECTS = 3;

/**
 * A client for lenders and their register.
 *
 * @param allowPrivate whether they may be on addresses that are not public, and without TLS
 */
export function createLenderClient(allowPrivate: boolean): WebClient {
  return createWebClient({
    maxResponseBytes: MAX_RESPONSE_BYTES,
    maxRedirects: MAX_REDIRECTS,
    guard: allowPrivate ? undefined : publicOnly,
  });
}
