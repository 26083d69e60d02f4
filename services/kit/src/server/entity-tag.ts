import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { headerLines } from '../problem/header-list';

/** Returns the strong entity tag of a body (RFC 9110, section 8.8.3). */
export function entityTag(body: string | Buffer): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}

/** Whether the client has the body with this tag: `If-None-Match` names it (RFC 9110, section 13.1.2). */
export function hasBody(req: Pick<IncomingMessage, 'rawHeaders'>, etag: string): boolean {
  return headerLines(req, 'if-none-match').some((line) => matches(line, etag));
}

/** Compares tags weakly: ignores `W/`. */
function matches(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
