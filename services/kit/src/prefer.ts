import type { Request } from 'express';

/** What a client would rather have (RFC 7240, sections 4.1 and 4.3). */
export interface Preferences {
  respondAsync: boolean;
  /** How many seconds the client is willing to wait. */
  waitS: number | undefined;
}

/** One preference: a token, perhaps with a value, perhaps with parameters, which mean nothing in those we know. */
const PREFERENCE =
  /^([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"([^"]*)"|([\w!#$%&'*+.^`|~-]*)))?\s*(?:;.*)?$/;

/** The request's preferences. Of one named twice the first counts; what is unknown or cannot be read is ignored. */
export function readPreferences({
  headersDistinct,
}: Pick<Request, 'headersDistinct'>): Preferences {
  const values = new Map<string, string>();
  for (const line of headersDistinct['prefer'] ?? []) {
    for (const item of line.split(',')) {
      const [, name, quoted, token] = PREFERENCE.exec(item.trim()) ?? [];
      const key = name?.toLowerCase();
      if (key !== undefined && !values.has(key)) values.set(key, quoted ?? token ?? '');
    }
  }
  const wait = values.get('wait') ?? '';
  return {
    respondAsync: values.has('respond-async'),
    waitS: /^\d{1,6}$/.test(wait) ? Number(wait) : undefined,
  };
}
