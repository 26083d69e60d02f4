/** @import { ProblemOptions, Sending } from './types.d.ts' */

const TOKEN = 'loan-buddy-token';

const readToken = () => sessionStorage.getItem(TOKEN);

/** @param {string} token */
export const saveToken = (token) => sessionStorage.setItem(TOKEN, token);

export const forgetToken = () => sessionStorage.removeItem(TOKEN);

/** What a token says, unchecked; undefined if it is none. */
export function claims(token = readToken()) {
  try {
    const part = (token ?? '').split('.')[1] ?? '';
    const bytes = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    const text = new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
    const { sub, exp, scope, scp } = JSON.parse(text);
    const scopes = scope ?? scp ?? '';
    return {
      sub: String(sub),
      exp: typeof exp === 'number' ? exp : undefined,
      scopes: String(Array.isArray(scopes) ? scopes.join(' ') : scopes).split(' '),
    };
  } catch {
    return undefined;
  }
}

/** Its message is a sentence. */
export class Problem extends Error {
  /** @param {ProblemOptions} options */
  constructor({ title, detail, status = 0, code = '', faults = [], headers }) {
    super(detail && code !== 'validation-failed' ? `${title}. ${detail}` : `${title}.`);
    this.status = status;
    this.code = code;
    this.faults = faults;
    this.headers = headers;
  }

  /** Whether the same request would fail again. */
  get isRefused() {
    return this.status >= 400 && this.status < 500 && this.status !== 429;
  }

  /** When to try again; 0: unknown. */
  get retryAfterMs() {
    return 1000 * (Number(this.headers?.get('Retry-After')) || 0);
  }
}

/**
 * Sends a request with the token, and returns the response.
 *
 * @param {string} path
 * @param {Sending} [options]
 * @throws {Problem}
 */
export async function send(path, { method = 'GET', body, headers, signal } = {}) {
  const token = readToken();
  const response = await fetch(path, {
    method,
    headers: {
      ...headers,
      ...(token && { Authorization: `Bearer ${token}` }),
      ...(body && { 'Content-Type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
    credentials: 'omit',
    cache: 'no-store',
  }).catch(() => {
    throw new Problem({ title: 'The service cannot be reached' });
  });
  const { ok, status, headers: received } = response;
  if (ok || status === 304) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Problem({
    title: `The service responded with ${status}`,
    ...problem,
    faults: problem.errors,
    status,
    headers: received,
  });
}

/**
 * @param {string} path
 * @param {Sending} [options]
 * @throws {Problem}
 */
export async function read(path, options) {
  const response = await send(path, options);
  return response.json();
}

/**
 * The id as a part of a path. A browser would resolve dots.
 *
 * @param {string} id
 * @throws {Problem}
 */
export function segment(id) {
  if (/^\.{0,2}$/.test(id)) throw new Problem({ title: 'This address has no id', status: 404 });
  return encodeURIComponent(id);
}

/**
 * What to add to a path or an address.
 *
 * @param {Record<string, string | undefined>} parameters leaves out empty and undefined ones
 */
export function query(parameters) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) given.set(name, value);
  return given.size > 0 ? `?${given}` : '';
}
