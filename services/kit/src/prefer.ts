import type { Request } from 'express';

/** What a client would rather have (RFC 7240, sections 4.1 and 4.3). */
export interface Preferences {
  respondAsync: boolean;
  /** How many seconds the client is willing to wait. */
  waitS: number | undefined;
}

/** A token (RFC 9110, section 5.6.2), or nothing. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]*$/;
const QUOTED = /^"[^"]*"$/;

/** The request's preferences. Of one named twice the first counts; what is unknown or cannot be read is ignored. */
export function readPreferences({
  headersDistinct,
}: Pick<Request, 'headersDistinct'>): Preferences {
  const values = new Map<string, string>();
  for (const line of headersDistinct['prefer'] ?? []) {
    for (const item of line.split(',')) {
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
 * One preference: a token, perhaps with a value, perhaps with parameters, which mean nothing in those we know. Cut at its
 * marks, not matched as a whole: an expression that allows white space in many places takes its time over much of it.
 */
function readPreference(item: string): { name: string; value: string | undefined } {
  const [preference = ''] = item.split(';', 1);
  const mark = preference.indexOf('=');
  const name = (mark < 0 ? preference : preference.slice(0, mark)).trim().toLowerCase();
  const value = mark < 0 ? '' : preference.slice(mark + 1).trim();
  if (!TOKEN.test(name)) return { name: '', value: undefined };
  if (QUOTED.test(value)) return { name, value: value.slice(1, -1) };
  return { name, value: TOKEN.test(value) ? value : undefined };
}
