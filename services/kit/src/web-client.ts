import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Agent } from 'undici';
import { exchange, ExchangeEndedError } from './exchange';
import type { AddressGuard } from './public-address';

const decompress = promisify(gunzip);

/** What came back, whatever its status. */
export interface WebResponse {
  /** Where it came from, after redirects. */
  url: URL;
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A client of servers that nobody here runs, and that may be hostile. */
export interface WebClient {
  /**
   * GETs a URL and follows its redirects, until the signal aborts.
   *
   * @throws {ForbiddenAddressError} where the guard refuses where it leads.
   * @throws {ExchangeEndedError} `canceled` once the signal aborts, `too-large` for a body over the limit.
   * @throws {UnusableResponseError} for redirects without end, or a body that cannot be decoded.
   */
  get: (
    url: string | URL,
    options: { headers?: Record<string, string>; signal: AbortSignal },
  ) => Promise<WebResponse>;
  /**
   * POSTs a body within `timeoutMs`. Redirects are not followed, and of the answer no more is read than the limit: its
   * status is what counts, and the rest is cut off.
   *
   * @throws {ForbiddenAddressError} where the guard refuses the URL or what it leads to.
   * @throws {ExchangeEndedError} `timeout`, or `canceled` once the signal aborts.
   */
  post: (
    url: string | URL,
    options: {
      headers: Record<string, string>;
      body: string;
      timeoutMs: number;
      signal: AbortSignal;
    },
  ) => Promise<Omit<WebResponse, 'body'>>;
  /** Breaks off what is under way, and closes the connections. */
  close: () => Promise<void>;
}

/** The response has no content that could be used. */
export class UnusableResponseError extends Error {
  readonly code = 'unusable-response';
  override readonly name = 'UnusableResponseError';
}

/** What it calls itself unless it is told otherwise. */
const USER_AGENT = 'loan-buddy/1.0';

/**
 * Creates a client for the web at large. Bodies count up to `maxResponseBytes`, before and after decompression, and
 * headers up to 16 KiB; at most `maxRedirects` redirects are followed. The guard is asked before each of them; without
 * one, anybody is spoken to, by whatever name this machine knows them: names that hang then hold up other lookups. No
 * more than `connections`, 16 unless given, are open to one origin.
 */
export function createWebClient(options: {
  userAgent?: string;
  maxResponseBytes: number;
  maxRedirects: number;
  guard: AddressGuard | undefined;
  connections?: number;
}): WebClient {
  const {
    userAgent = USER_AGENT,
    maxResponseBytes,
    maxRedirects,
    guard,
    connections = 16,
  } = options;
  const agent = new Agent({
    connections,
    connect: guard ? { lookup: guard.lookup } : {},
  });
  const fixedHeaders = {
    accept: 'application/json',
    'accept-encoding': 'gzip',
    'user-agent': userAgent,
  };

  const decode = async (body: Buffer, encoding: string): Promise<Buffer> => {
    if (encoding === 'identity') return body;
    if (!/^(x-)?gzip$/i.test(encoding)) throw new UnusableResponseError('an unknown encoding');
    try {
      return await decompress(body, { maxOutputLength: maxResponseBytes });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        throw new ExchangeEndedError('too-large', `over ${String(maxResponseBytes)} bytes`);
      }
      throw new UnusableResponseError('a body that is not gzip', { cause: error });
    }
  };

  return {
    get: async (start, { headers, signal }) => {
      let url = typeof start === 'string' ? new URL(start) : start;
      for (let redirects = 0; redirects <= maxRedirects; redirects++) {
        guard?.requireAllowed(url);
        const request = {
          origin: url.origin,
          path: url.pathname + url.search,
          method: 'GET',
          headers: { ...fixedHeaders, ...headers },
        } as const;
        const response = await exchange(agent, request, { maxBytes: maxResponseBytes, signal });
        const { location, 'content-encoding': encoding } = response.headers;
        if (response.status < 300 || response.status > 399 || location === undefined) {
          const body =
            encoding === undefined ? response.body : await decode(response.body, encoding);
          return {
            url,
            status: response.status,
            headers: response.headers,
            body: body.toString(),
          };
        }
        url = resolve(location, url);
      }
      throw new UnusableResponseError(`more than ${String(maxRedirects)} redirects`);
    },
    post: async (target, { headers, body, timeoutMs, signal }) => {
      const url = new URL(target);
      guard?.requireAllowed(url);
      const request = {
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST',
        headers: { 'user-agent': userAgent, ...headers },
        body,
      } as const;
      const limits = { maxBytes: maxResponseBytes, timeoutMs, signal, cutOff: true };
      const { status, headers: answered } = await exchange(agent, request, limits);
      return { url, status, headers: answered };
    },
    close: () => agent.destroy(),
  };
}

function resolve(location: string, base: URL): URL {
  try {
    return new URL(location, base);
  } catch (error) {
    throw new UnusableResponseError('a redirect to nowhere', { cause: error });
  }
}
