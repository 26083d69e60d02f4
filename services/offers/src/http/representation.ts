import { entityTag, hasBody, inertHeaders } from '@loan-buddy/kit/server';
import type { Response } from 'express';
import { endBatched } from './end-batched';

export type Representation = ReturnType<typeof represent>;

/** Makes a JSON body once for many responses, with its strong entity tag (RFC 9110, section 8.8.3). */
export function represent(value: object) {
  const body = JSON.stringify(value);
  const headers = inertHeaders.concat(
    ['Content-Type', 'application/json; charset=utf-8'],
    ['Content-Length', String(Buffer.byteLength(body))],
  );
  return { body, etag: entityTag(body), headers };
}

/**
 * Responds with a representation that caches may store, or with 304 if `If-None-Match` has its tag (RFC 9110, section
 * 13.1.2). It is `ageS` seconds old and stays fresh until `maxAgeS` (RFC 9111, sections 4.2 and 5.1). It is written
 * when the turn ends (see {@link endBatched}).
 */
export function sendRepresentation(
  res: Response,
  { body, etag, headers }: Representation,
  { ageS, maxAgeS }: { ageS: number; maxAgeS: number },
  moreHeaders: readonly string[],
): void {
  const { req } = res;
  const isKnown = hasBody(req, etag);
  const all = (isKnown ? inertHeaders : headers).concat(
    ['ETag', etag, 'Age', String(ageS), 'Cache-Control', `max-age=${String(maxAgeS)}`],
    ['X-Request-Id', req.requestId],
    moreHeaders,
  );
  res.writeHead(isKnown ? 304 : 200, all);
  endBatched(res, isKnown ? undefined : body);
}
