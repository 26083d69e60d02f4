import { headerLines } from '@loan-buddy/kit/problem';
import { isAbandoned } from '@loan-buddy/kit/server';
import type { Request, Response } from 'express';

/** Longest wait that a client can request, in seconds. */
export const MAX_WAIT_S = 30;

/** Returns how long to wait for a client (`Prefer: wait=N`, RFC 7240), and the matching `Preference-Applied`. */
export function preferredWait({ waitS }: ReturnType<typeof readPreferences>) {
  const seconds = Math.min(waitS ?? 0, MAX_WAIT_S);
  const applied = waitS === undefined ? [] : [`wait=${String(seconds)}`];
  return { waitMs: seconds * 1000, applied };
}

/** A name with an optional value, which is a token (RFC 9110, section 5.6.2) or the number of a quoted string. */
const PREFERENCE = /^([\w!#$%&'*+.^`|~-]+)\s*(?:=\s*(?:"(\d+)"|([\w!#$%&'*+.^`|~-]*)))?$/;
/** A quoted string (RFC 9110, section 5.6.4). Matches an unclosed one to the end, or searching would be quadratic. */
const QUOTED = /"((?:[^"\\]+|\\.)*)("?)/g;

/**
 * Reads the preferences of a request (RFC 7240, sections 4.1 and 4.3): `waitS` is how long the client is willing to
 * wait. The first of several with one name counts. Ignores unknown and malformed ones.
 */
export function readPreferences(req: Pick<Request, 'rawHeaders'>) {
  const values = new Map<string, string>();
  for (const line of headerLines(req, 'prefer')) {
    const strings: string[] = [];
    // An unclosed quotation mark starts no quoted string.
    const plain = line.replace(QUOTED, (text, content: string, end: string) =>
      end === '' ? text : `"${String(strings.push(content) - 1)}"`,
    );
    for (const item of plain.split(',')) {
      // Ignores parameters: the preferences we support have none.
      const [, name, index, token = ''] = PREFERENCE.exec(item.split(';')[0]!.trim()) ?? [];
      const value = index === undefined ? token : strings[Number(index)]!.replace(/\\(.)/g, '$1');
      const key = name?.toLowerCase();
      if (key !== undefined && !values.has(key)) values.set(key, value);
    }
  }
  const wait = values.get('wait') ?? '';
  return {
    respondAsync: values.has('respond-async'),
    waitS: /^\d{1,6}$/.test(wait) ? Number(wait) : undefined,
  };
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
