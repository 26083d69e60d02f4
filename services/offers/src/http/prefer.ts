import type { Request } from 'express';

/** Longest wait that a client can request, in seconds. */
export const MAX_WAIT_S = 30;

/** Returns how long to wait for a client (`Prefer: wait=N`, RFC 7240), and the matching `Preference-Applied`. */
export function preferredWait({ waitS }: ReturnType<typeof readPreferences>) {
  const seconds = Math.min(waitS ?? 0, MAX_WAIT_S);
  const applied = waitS === undefined ? [] : [`wait=${String(seconds)}`];
  return { waitMs: seconds * 1000, applied };
}

/** A token (RFC 9110, section 5.6.2), or nothing. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]*$/;
/** A quoted string (RFC 9110, section 5.6.4). */
const QUOTED = /^"(?:[^"\\]|\\.)*"$/;

/**
 * Reads the preferences of a request (RFC 7240, sections 4.1 and 4.3): `waitS` is how long the client is willing to
 * wait. The first of several with one name counts. Ignores unknown and malformed ones.
 */
export function readPreferences(req: Pick<Request, 'headersDistinct'>) {
  const values = new Map<string, string>();
  for (const line of req.headersDistinct['prefer'] ?? []) {
    for (const item of splitOutsideQuotes(line, ',')) {
      const { name, value } = readPreference(item);
      if (name !== '' && value !== undefined && !values.has(name)) values.set(name, value);
    }
  }
  const wait = values.get('wait') ?? '';
  return {
    respondAsync: values.has('respond-async'),
    waitS: /^\d{1,6}$/.test(wait) ? Number(wait) : undefined,
  };
}

/**
 * Reads one preference: a token with an optional value. Ignores parameters: the preferences we support have none.
 * Splits at the separators instead of matching one pattern: a pattern that allows white space in many places is slow on
 * long runs of it.
 */
function readPreference(item: string): { name: string; value: string | undefined } {
  const [preference = ''] = splitOutsideQuotes(item, ';');
  const separator = preference.indexOf('=');
  const name = (separator < 0 ? preference : preference.slice(0, separator)).trim().toLowerCase();
  const value = separator < 0 ? '' : preference.slice(separator + 1).trim();
  if (!TOKEN.test(name)) return { name: '', value: undefined };
  if (QUOTED.test(value)) return { name, value: value.slice(1, -1).replace(/\\(.)/g, '$1') };
  return { name, value: TOKEN.test(value) ? value : undefined };
}

/** Splits the text at separators outside quoted strings. An unclosed quotation mark starts no quoted string. */
function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let mayClose = true;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === separator) {
      parts.push(text.slice(start, i));
      start = i + 1;
    } else if (text[i] === '"' && mayClose) {
      const end = endOfQuoted(text, i);
      // After one failed search, no later quotation mark is closed: searching again would be quadratic.
      mayClose = end !== undefined;
      i = end ?? i;
    }
  }
  return [...parts, text.slice(start)];
}

/** Returns the index of the quotation mark that ends the string. A backslash escapes the next character. */
function endOfQuoted(text: string, start: number): number | undefined {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '"') return i;
    if (text[i] === '\\') i += 1;
  }
  return undefined;
}
