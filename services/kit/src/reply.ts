import type { Response } from 'express';
import type { HeaderList } from './header-list';
import type { DescribedProblem } from './problem';

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
  res.writeHead(status, headers.concat(ownHeaders(body, res.req.requestId), moreHeaders));
  res.end(body);
}

function ownHeaders(body: string | Buffer, requestId: string): HeaderList {
  return ['Content-Length', String(Buffer.byteLength(body)), 'X-Request-Id', requestId];
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

/** Answers with a problem document (RFC 9457) and the headers that go with it. */
export function replyProblem(res: Response, { problem, headers }: DescribedProblem): void {
  reply(res, problem.status, JSON.stringify(problem), problemHeaders, headers);
}

/** The same answer for where there is no response object to write it with. */
export function serializeProblem(
  { problem, headers }: DescribedProblem,
  requestId: string,
): { headers: HeaderList; body: string } {
  const body = JSON.stringify(problem);
  return { headers: problemHeaders.concat(ownHeaders(body, requestId), headers), body };
}

/** Answers 204, which has no body. */
export function replyEmpty(res: Response, headers: HeaderList): void {
  res.writeHead(204, dataHeaders.concat(['X-Request-Id', res.req.requestId], headers)).end();
}
