import type { Request } from 'express';

/** The preferences of a client (RFC 7240, sections 4.1 and 4.3). */
export interface Preferences {
  respondAsync: boolean;
  /** How many seconds the client is willing to wait. */
  waitS: number | undefined;
}

/** A token (RFC 9110, section 5.6.2), or nothing. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]*$/;
/** A quoted string (RFC 9110, section 5.6.4). */
const QUOTED = /^"(?:[^"\\]|\\.)*"$/;

/**
 * Reads the preferences of a request. The first of several with one name counts. Ignores what is unknown or malformed.
 */
export function readPreferences({
  headersDistinct,
}: Pick<Request, 'headersDistinct'>): Preferences {
  const values = new Map<string, string>();
  for (const line of headersDistinct['prefer'] ?? []) {
    for (const item of cutOutsideQuotes(line, ',')) {
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
 * Reads one preference: a token, with an optional value and optional parameters, which mean nothing for those we know.
 * Splits at the marks instead of matching the whole: a pattern that allows white space in many places is slow on a lot
 * of it.
 */
function readPreference(item: string): { name: string; value: string | undefined } {
  const [preference = ''] = cutOutsideQuotes(item, ';');
  const mark = preference.indexOf('=');
  const name = (mark < 0 ? preference : preference.slice(0, mark)).trim().toLowerCase();
  const value = mark < 0 ? '' : preference.slice(mark + 1).trim();
  if (!TOKEN.test(name)) return { name: '', value: undefined };
  if (QUOTED.test(value)) return { name, value: value.slice(1, -1).replace(/\\(.)/g, '$1') };
  return { name, value: TOKEN.test(value) ? value : undefined };
}

/** Splits the text at the marks outside quoted strings. An unclosed quotation mark does not begin one. */
function cutOutsideQuotes(text: string, mark: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let mayClose = true;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === mark) {
      parts.push(text.slice(start, i));
      start = i + 1;
    } else if (text[i] === '"' && mayClose) {
      const end = endOfQuoted(text, i);
      // Searched only once: many searches to the end would take too long.
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
