import { publicOnly } from '../../client/public-address';
import { createWebClient, type WebClient } from '../../client/web-client';

/** Far more than a real provider's product data. */
const MAX_RESPONSE_BYTES = 5 * 1024 * 1024;
const MAX_REDIRECTS = 3;

/**
 * Creates a client for providers and their register.
 *
 * @param allowPrivate whether to allow private addresses and plain HTTP
 */
export function createProviderWebClient(allowPrivate: boolean): WebClient {
  return createWebClient({
    maxResponseBytes: MAX_RESPONSE_BYTES,
    maxRedirects: MAX_REDIRECTS,
    guard: allowPrivate ? undefined : publicOnly,
  });
}
