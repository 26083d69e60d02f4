import { ValidationError } from '@loan-buddy/kit/problem';
import type { Request } from 'express';

const MAX_LENGTH = 255;
const QUOTED = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
const BARE = /^[\x20-\x21\x23-\x7e]+$/;

/**
 * Reads the request's `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a quoted RFC 8941 string, or
 * the same text without quotes, as many clients send it. Both forms are the same key.
 *
 * @throws {ValidationError} if the header is malformed, empty, too long, or repeated.
 */
export function readIdempotencyKey({ headersDistinct }: Request): string | undefined {
  const sent = headersDistinct['idempotency-key'];
  if (sent === undefined) return undefined;
  const text = sent.length === 1 ? sent[0]! : '';
  const quoted = QUOTED.exec(text)?.[1]?.replace(/\\(.)/g, '$1');
  const key = quoted ?? (BARE.test(text) ? text : '');
  if (key !== '' && key.length <= MAX_LENGTH) return key;
  throw new ValidationError([
    {
      detail: `must be sent once, as 1 to ${String(MAX_LENGTH)} printable ASCII characters`,
      header: 'Idempotency-Key',
    },
  ]);
}
