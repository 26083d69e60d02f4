const TOKEN = 'loan-buddy-token';

/** @param {string} token */
export function saveToken(token) {
  sessionStorage.setItem(TOKEN, token);
  dispatchEvent(new Event('token-changed'));
}

export function forgetToken() {
  sessionStorage.removeItem(TOKEN);
  dispatchEvent(new Event('token-changed'));
}

/** Whether the service has asked for a token since the page was loaded. */
let isAsked = false;

export const needsToken = () => isAsked || sessionStorage.getItem(TOKEN) !== null;

/**
 * What a token says, unchecked; undefined if it is none.
 *
 * @param {string | null} [token]
 */
export function claims(token = sessionStorage.getItem(TOKEN)) {
  try {
    const part = (token ?? '').split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (char) =>
      char.charCodeAt(0),
    );
    const { sub, exp, scope, scp } = JSON.parse(new TextDecoder().decode(bytes));
    const scopes = scope ?? scp ?? [];
    return {
      sub: String(sub),
      exp: typeof exp === 'number' ? exp : undefined,
      scopes: /** @type {string[]} */ (typeof scopes === 'string' ? scopes.split(' ') : scopes),
    };
  } catch {
    return undefined;
  }
}

/**
 * Whether a token may do this; true without a token, since the service may not need one.
 *
 * @param {string} scope
 */
export const mayUse = (scope) => claims()?.scopes.includes(scope) ?? true;

/** A problem document (RFC 9457), or why there is no response. The message is a sentence. */
export class Problem extends Error {
  /**
   * @param {{ title: string, detail?: string, status?: number, code?: string, faults?: Fault[], retryAfterS?: number,
   *   headers?: Headers }} options
   */
  constructor({ title, detail, status = 0, code = '', faults = [], retryAfterS, headers }) {
    super(detail && code !== 'validation-failed' ? `${title}. ${detail}` : `${title}.`);
    this.status = status;
    this.code = code;
    this.faults = faults;
    this.retryAfterS = retryAfterS;
    this.headers = headers;
  }
}

/**
 * Sends a request with the token, and returns the response.
 *
 * @param {string} path
 * @param {Sending} [options]
 * @throws {Problem}
 */
export async function send(path, { method = 'GET', body, headers = {}, signal } = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const all = {
    ...headers,
    ...(token !== null && { Authorization: `Bearer ${token}` }),
    ...(body && { 'Content-Type': 'application/json' }),
  };
  const content = body && JSON.stringify(body);
  /** @type {RequestInit} */
  const init = { method, headers: all, credentials: 'omit', cache: 'no-store' };
  if (content) init.body = content;
  if (signal) init.signal = signal;
  const response = await fetch(path, init).catch((error) => {
    throw signal?.aborted ? error : new Problem({ title: 'The service cannot be reached' });
  });
  if (response.ok || response.status === 304) return response;
  if (response.status === 401) {
    isAsked = true;
    dispatchEvent(new Event('token-changed'));
  }
  const problem = await response.json().catch(() => ({}));
  const retryAfter = Number(response.headers.get('Retry-After') ?? NaN);
  throw new Problem({
    title: String(problem.title ?? `The service responded with ${response.status}`),
    detail: problem.detail,
    status: response.status,
    code: problem.code,
    faults: problem.errors,
    headers: response.headers,
    ...(retryAfter >= 0 && { retryAfterS: retryAfter }),
  });
}

/**
 * @param {string} path
 * @param {Sending} [options]
 * @throws {Problem}
 */
export async function read(path, options) {
  const response = await send(path, options);
  try {
    return await response.json();
  } catch (error) {
    throw options?.signal?.aborted ? error : new Problem({ title: 'The connection broke' });
  }
}

/**
 * Reads a header that lists providers, such as `"ProviderC";reason=timeout` (RFC 9651).
 *
 * @param {string | null} value
 * @returns {{ provider: string, parameter: string }[]}
 */
export function providersIn(value) {
  return [...(value ?? '').matchAll(/"((?:[^"\\]|\\.)*)";\w+=([\w-]+)/g)].map(
    ([, name = '', parameter = '']) => ({ provider: name.replace(/\\(.)/g, '$1'), parameter }),
  );
}

/**
 * An address of this page.
 *
 * @param {string} view
 * @param {Record<string, string | undefined>} parameters without those that are undefined
 */
export function address(view, parameters) {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  return `#/${view}?${new URLSearchParams(given)}`;
}
