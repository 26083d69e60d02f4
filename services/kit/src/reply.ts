import type { Response } from 'express';
import type { DescribedProblem } from './problem';

/** Header names and values in turn, as `writeHead` takes them: the cheapest form Node knows. */
export type HeaderList = readonly string[];

/** What every response carries (OWASP's list for REST services). Computed once: it is the same for all. */
export const securityHeaders: HeaderList = [
  'X-Content-Type-Options',
  'nosniff',
  'X-Frame-Options',
  'DENY',
  'Referrer-Policy',
  'no-referrer',
  'Cross-Origin-Resource-Policy',
  'same-origin',
  'Strict-Transport-Security',
  'max-age=31536000; includeSubDomains',
];

/** For a body that is only data: a browser may do nothing with it, and nobody may keep it. */
const dataHeaders: HeaderList = [
  ...securityHeaders,
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
  'Cache-Control',
  'no-store',
];

/** Answers with a body that is already in its final form, in a single write. */
export function reply(
  res: Response,
  status: number,
  contentType: string,
  body: string | Buffer,
  headers: HeaderList = dataHeaders,
): void {
  res.writeHead(status, [
    'Content-Type',
    contentType,
    'Content-Length',
    String(Buffer.byteLength(body)),
    'X-Request-Id',
    res.req.id,
    ...headers,
  ]);
  res.end(body);
}

/** Answers with a JSON value, or with text that already is JSON. */
export function replyJson(
  res: Response,
  status: number,
  value: object | string,
  headers: HeaderList = [],
): void {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  reply(res, status, 'application/json; charset=utf-8', body, [...dataHeaders, ...headers]);
}

/** Answers with a problem document (RFC 9457), and `Retry-After` where waiting helps. */
export function replyProblem(
  res: Response,
  { problem, retryAfterSeconds }: DescribedProblem,
  headers: HeaderList = [],
): void {
  reply(res, problem.status, 'application/problem+json', JSON.stringify(problem), [
    ...dataHeaders,
    ...headers,
    ...(retryAfterSeconds === undefined ? [] : ['Retry-After', String(retryAfterSeconds)]),
  ]);
}
