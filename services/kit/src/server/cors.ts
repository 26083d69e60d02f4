import cors from 'cors';
import type { RequestHandler } from 'express';
import { allowOf, type Endpoint } from './endpoint';

/** Headers of every response, and of problems. */
const COMMON_HEADERS = [
  ...['Allow', 'Accept', 'Accept-Encoding', 'Retry-After', 'WWW-Authenticate'],
  ...['RateLimit', 'RateLimit-Policy', 'X-Request-Id'],
];
/** How long a browser may remember a preflight. */
const MAX_AGE_S = 600;

/**
 * Lets the pages of these origins call the endpoints and read every header of a response (WHATWG Fetch, section 3.3).
 * Allows no credentials: clients send tokens, not cookies.
 */
export function allowOrigins(
  origins: readonly string[],
  endpoints: readonly Endpoint[],
): RequestHandler {
  const documented = endpoints
    .flatMap(({ contract }) => [contract, ...Object.values(contract.responses)])
    .flatMap(({ headers = {} }) => Object.keys(headers));
  return cors({
    origin: [...origins],
    methods: allowOf(endpoints),
    exposedHeaders: [...new Set([...COMMON_HEADERS, ...documented])],
    maxAge: MAX_AGE_S,
    // The response to OPTIONS comes from the endpoint, before any token or quota is checked.
    preflightContinue: true,
  });
}
