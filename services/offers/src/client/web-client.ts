import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Agent } from 'undici';
import { exchange, ExchangeEndedError } from './exchange';
import type { AddressGuard } from './public-address';

const decompress = promisify(gunzip);

/** A response, whatever its status. */
export interface WebResponse {
  /** The URL it came from, after redirects. */
  url: URL;
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A client for servers that others run and that may be hostile. */
export interface WebClient {
  /**
   * GETs a URL and follows its redirects, until the signal aborts.
   *
   * @throws {ForbiddenAddressError} if the guard refuses the URL or a redirect.
   * @throws {ExchangeEndedError} `canceled` once the signal aborts, `too-large` for a body over the limit.
   * @throws {UnusableResponseError} for too many redirects, or a body that cannot be decoded.
   */
  get: (
    url: string | URL,
    options: { headers?: Record<string, string>; signal: AbortSignal },
  ) => Promise<WebResponse>;
  /**
   * POSTs a body within `timeoutMs`. Does not follow redirects. Only the status counts: it reads the response up to the
   * limit and cuts off the rest.
   *
   * @throws {ForbiddenAddressError} if the guard refuses the URL or its addresses.
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
  /** Aborts what is in progress, and closes the connections. */
  close: () => Promise<void>;
}

/** The response has no usable content. */
export class UnusableResponseError extends Error {
  readonly code = 'unusable-response';
  override readonly name = 'UnusableResponseError';
}

/** The default user agent. */
const USER_AGENT = 'loan-buddy/1.0';

/**
 * Creates a client for the web at large. Limits bodies to `maxResponseBytes`, before and after decompression, headers
 * to 16 KiB, redirects to `maxRedirects`, and connections to one origin to `connections`, by default 16. Asks the guard
 * before each request. Without a guard, it connects anywhere and resolves names as this machine does: names that hang
 * then hold up other lookups.
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
    if (!/^(x-)?gzip$/i.test(encoding))
      throw new UnusableResponseError('unsupported content encoding');
    try {
      return await decompress(body, { maxOutputLength: maxResponseBytes });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        throw new ExchangeEndedError('too-large', `over ${String(maxResponseBytes)} bytes`);
      }
      throw new UnusableResponseError('the body is not gzip', { cause: error });
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
      const response = await exchange(agent, request, limits);
      return { url, status: response.status, headers: response.headers };
    },
    close: () => agent.destroy(),
  };
}

function resolve(location: string, base: URL): URL {
  try {
    return new URL(location, base);
  } catch (error) {
    throw new UnusableResponseError('a redirect to an invalid URL', { cause: error });
  }
}
