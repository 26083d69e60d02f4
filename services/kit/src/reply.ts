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
  body: string | Buffer,
  headers: HeaderList,
  moreHeaders: HeaderList = [],
): void {
  const length = String(Buffer.byteLength(body));
  const own = ['Content-Length', length, 'X-Request-Id', res.req.requestId];
  res.writeHead(status, headers.concat(own, moreHeaders));
  res.end(body);
}

const jsonHeaders: HeaderList = ['Content-Type', 'application/json; charset=utf-8', ...dataHeaders];

/** Answers with a JSON value, or with text that already is JSON. */
export function replyJson(
  res: Response,
  status: number,
  value: object | string,
  headers?: HeaderList,
): void {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  reply(res, status, body, jsonHeaders, headers);
}

const problemHeaders: HeaderList = ['Content-Type', 'application/problem+json', ...dataHeaders];

/** Answers with a problem document (RFC 9457), and `Retry-After` where waiting helps. */
export function replyProblem(
  res: Response,
  { problem, retryAfterSeconds }: DescribedProblem,
  headers: HeaderList = [],
): void {
  const wait = retryAfterSeconds === undefined ? [] : ['Retry-After', String(retryAfterSeconds)];
  reply(res, problem.status, JSON.stringify(problem), problemHeaders, headers.concat(wait));
}
