import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { inSpan } from '@loan-buddy/kit/telemetry';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { Agent } from 'undici';
import { exchange, ExchangeEndedError, type CompleteResponse } from './exchange';
import type { AddressGuard } from './public-address';

const decompress = promisify(gunzip);

const NO_CODINGS = ['', 'identity', 'none'];

/** Skips a byte order mark (RFC 8259, section 8.1). */
const decodeText = (bytes: Buffer) => new TextDecoder().decode(bytes);

type Headers = Record<string, string>;

/** A client for servers that others run and that may be hostile. */
export type WebClient = ReturnType<typeof createWebClient>;

/** The response has no usable content. */
export class UnusableResponseError extends Error {
  readonly code = 'unusable-response';
  override readonly name = 'UnusableResponseError';
}

/**
 * Creates a client for the web at large. Limits bodies to `maxResponseBytes`, before and after decompression, headers
 * to 16 KiB, and the connections to one origin. Asks the guard before each request. Without a guard, it connects
 * anywhere and resolves names as this machine does: names that hang then hold up other lookups.
 */
export function createWebClient(options: {
  userAgent?: string;
  maxResponseBytes: number;
  maxRedirects: number;
  guard: AddressGuard | undefined;
  connections?: number;
}) {
  const { userAgent = 'loan-buddy/1.0', maxResponseBytes, maxRedirects, guard } = options;
  const agent = new Agent({
    connections: options.connections ?? 16,
    maxResponseSize: maxResponseBytes,
    connect: guard ? { lookup: guard.lookup } : {},
  });

  const fixedHeaders = {
    accept: 'application/json',
    'accept-encoding': 'gzip',
    'user-agent': userAgent,
  };

  const send = (
    url: URL,
    { method, headers, body }: { method: 'GET' | 'POST'; headers: Headers; body: string | null },
    limits: Parameters<typeof exchange>[2],
  ) => {
    guard?.requireAllowed(url);
    const { origin, pathname, search } = url;
    const request = { origin, path: pathname + search, method, headers, body };
    const span = {
      kind: 'CLIENT',
      attributes: spanAttributes(method, url),
      errorOf: ({ status }: CompleteResponse) => (status >= 400 ? String(status) : undefined),
    } as const;
    return inSpan(method, span, async (sent) => {
      // Others must not learn of our traces, and the path of a receiver may be a secret: no instrumentation sees this.
      const response = await context.with(ROOT_CONTEXT, () => exchange(agent, request, limits));
      sent?.setAttribute('http.response.status_code', response.status);
      return response;
    });
  };

  const decode = async ({ headers, body }: CompleteResponse): Promise<string> => {
    if (headers['content-encoding'] === undefined) return decodeText(body);
    // Any case, and several lines are one list (RFC 9110, section 8.4). Some servers send `none`.
    const codings = [headers['content-encoding']].flat().join().toLowerCase().split(',');
    const coding = codings
      .map((each) => each.trim())
      .filter((each) => !NO_CODINGS.includes(each))
      .join();
    if (coding === '' || body.length === 0) return decodeText(body);
    if (!/^(x-)?gzip$/.test(coding))
      throw new UnusableResponseError('unsupported content encoding');
    try {
      return decodeText(await decompress(body, { maxOutputLength: maxResponseBytes }));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        throw new ExchangeEndedError('too-large', `over ${String(maxResponseBytes)} bytes`);
      }
      throw new UnusableResponseError('the body is not gzip', { cause: error });
    }
  };

  return {
    /**
     * GETs a URL and follows its redirects, until the signal aborts. Returns a response of any status; `url` is its
     * source.
     *
     * @throws {ForbiddenAddressError} if the guard refuses the URL or a redirect.
     * @throws {ExchangeEndedError} `canceled` or `too-large`.
     * @throws {UnusableResponseError} for too many redirects, or a body that cannot be decoded.
     */
    get: async (start: string | URL, options: { headers?: Headers; signal: AbortSignal }) => {
      const headers = { ...fixedHeaders, ...options.headers };
      const { signal } = options;
      let url = typeof start === 'string' ? new URL(start) : start;
      for (let redirects = 0; redirects <= maxRedirects; redirects++) {
        const response = await send(url, { method: 'GET', headers, body: null }, { signal });
        const { status, headers: responseHeaders } = response;
        const { location } = responseHeaders;
        if (status < 300 || status > 399 || location === undefined) {
          return { status, headers: responseHeaders, url, body: await decode(response) };
        }
        if (!URL.canParse(location, url.href)) {
          throw new UnusableResponseError('a redirect to an invalid URL');
        }
        url = new URL(location, url);
      }
      throw new UnusableResponseError(`more than ${String(maxRedirects)} redirects`);
    },
    /**
     * POSTs a body within `timeoutMs`. Does not follow redirects. Only the status counts, whatever happens to the body
     * of the response.
     *
     * @throws {ForbiddenAddressError} if the guard refuses the URL or its addresses.
     * @throws {ExchangeEndedError} `timeout` or `canceled`.
     */
    post: async (
      url: string,
      options: { headers: Headers; body: string; timeoutMs: number; signal: AbortSignal },
    ) => {
      const { body, timeoutMs, signal } = options;
      const headers = { 'user-agent': userAgent, ...options.headers };
      const limits = { timeoutMs, signal, statusOnly: true };
      return send(new URL(url), { method: 'POST', headers, body }, limits);
    },
    /** Aborts what is in progress, and closes the connections. */
    close: () => agent.destroy(),
  };
}

function spanAttributes(method: string, { protocol, hostname, port }: URL) {
  const scheme = protocol.slice(0, -1);
  return {
    'http.request.method': method,
    'server.address': hostname,
    'server.port': Number(port) || (scheme === 'https' ? 443 : 80),
    'url.scheme': scheme,
  };
}
