import { createHash } from 'node:crypto';
import type { Response } from 'express';
import { releaseSlot } from '../admission/admission';
import { endInBatch } from './end-in-batch';
import type { HeaderList } from '../problem/header-list';
import type { DescribedProblem } from '../problem/problem';

/** The headers of every response (OWASP's list for REST services). Computed once. */
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

/** For a body that is only data: a browser may do nothing with it. */
const inertHeaders: HeaderList = [
  ...securityHeaders,
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
];

/** The same, and no cache may store it. */
export const dataHeaders: HeaderList = [...inertHeaders, 'Cache-Control', 'no-store'];

/**
 * Returns whether the client has left. Detects it for a response queued behind another, too: Node.js 20 emits no event
 * for that.
 */
export function isAbandoned(res: Response): boolean {
  return res.closed || res.req.socket.destroyed;
}

/** Returns a signal that aborts when the client has left or has its response. */
export function signalOf(res: Response): AbortSignal {
  const leaving = new AbortController();
  if (isAbandoned(res)) leaving.abort();
  res.once('close', () => {
    leaving.abort();
  });
  return leaving.signal;
}

/** Ends a response at once and releases its slot, however long the client takes to read. */
function endNow(res: Response, body?: string | Buffer): void {
  releaseSlot(res.req);
  res.end(body);
}

/** Responds with a body in its final form, in a single write. */
export function reply(
  res: Response,
  status: number,
  body: string | Buffer,
  headers: HeaderList,
  moreHeaders: HeaderList = [],
): void {
  res.writeHead(status, headers.concat(ownHeaders(body, res.req.requestId), moreHeaders));
  endNow(res, body);
}

function ownHeaders(body: string | Buffer, requestId: string): HeaderList {
  return ['Content-Length', String(Buffer.byteLength(body)), 'X-Request-Id', requestId];
}

const JSON_TYPE = 'application/json; charset=utf-8';

const jsonHeaders: HeaderList = ['Content-Type', JSON_TYPE, ...dataHeaders];

/** Responds with a JSON value, or with text that already is JSON. */
export function replyJson(
  res: Response,
  status: number,
  value: object | string,
  headers?: HeaderList,
): void {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  reply(res, status, body, jsonHeaders, headers);
}

/** Responds with 200 and text that no cache may store. */
export function replyText(res: Response, text: string, contentType: string): void {
  reply(res, 200, text, dataHeaders, ['Content-Type', contentType]);
}

/** A JSON body made once for many responses, with its strong entity tag (RFC 9110, section 8.8.3). */
export interface Representation {
  body: string;
  etag: string;
  /** The headers of every response with this body. */
  headers: HeaderList;
}

/** Serialises a value once for many responses. */
export function represent(value: object): Representation {
  const body = JSON.stringify(value);
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  const length = String(Buffer.byteLength(body));
  const headers = [...inertHeaders, 'Content-Type', JSON_TYPE, 'Content-Length', length];
  return { body, etag: `"${digest}"`, headers };
}

/**
 * Responds with a representation that caches may store, or with 304 if `If-None-Match` has its tag (RFC 9110, section
 * 13.1.2). It is `ageS` seconds old and stays fresh until `maxAgeS` (RFC 9111, sections 4.2 and 5.1). It is written
 * when the turn ends (see {@link endInBatch}).
 */
export function replyRepresentation(
  res: Response,
  { body, etag, headers }: Representation,
  { ageS, maxAgeS }: { ageS: number; maxAgeS: number },
  moreHeaders: HeaderList,
): void {
  const { req } = res;
  const isKnown = matches(req.headers['if-none-match'], etag);
  const all = (isKnown ? inertHeaders : headers).concat(
    ['ETag', etag, 'Age', String(ageS), 'Cache-Control', `max-age=${String(maxAgeS)}`],
    ['X-Request-Id', req.requestId],
    moreHeaders,
  );
  res.writeHead(isKnown ? 304 : 200, all);
  endInBatch(res, isKnown ? undefined : body);
}

/** Compares tags weakly: ignores `W/`. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

const problemHeaders: HeaderList = ['Content-Type', 'application/problem+json', ...dataHeaders];

/** Responds with a problem document (RFC 9457) and its headers. */
export function replyProblem(res: Response, { problem, headers }: DescribedProblem): void {
  reply(res, problem.status, JSON.stringify(problem), problemHeaders, headers);
}

/** Serialises the same response for when there is no response object. */
export function serializeProblem(
  { problem, headers }: DescribedProblem,
  requestId: string,
): { headers: HeaderList; body: string } {
  const body = JSON.stringify(problem);
  return { headers: problemHeaders.concat(ownHeaders(body, requestId), headers), body };
}

/** Responds with 204, which has no body. */
export function replyEmpty(res: Response, headers: HeaderList = []): void {
  res.writeHead(204, dataHeaders.concat(['X-Request-Id', res.req.requestId], headers));
  endNow(res);
}
