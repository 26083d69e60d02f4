import { AppError } from '../problem';

const REALM = 'Bearer realm="loan-buddy"';

/** The header that says what is wrong with a request's token (RFC 6750, section 3). */
function challenge(error?: string, attributes: Readonly<Record<string, string>> = {}) {
  const all = Object.entries({ ...(error !== undefined && { error }), ...attributes });
  const parts = [REALM, ...all.map(([name, value]) => `${name}="${value}"`)];
  return { headers: ['WWW-Authenticate', parts.join(', ')] };
}

/**
 * The request has no token, and needs one. One that has none, or tries another scheme, is not told an error: it may not know
 * of tokens (RFC 6750, section 3.1).
 */
export class TokenMissingError extends AppError {
  readonly code = 'token-missing';
  override readonly denied = true;

  constructor() {
    super('Send a token: Authorization: Bearer TOKEN.', challenge());
  }
}

/** The token does not prove who is calling. */
export class InvalidTokenError extends AppError {
  readonly code = 'token-invalid';
  override readonly denied = true;

  /** @param reason goes to the client, into a quoted string: no secrets, no quotes. */
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, { ...options, ...challenge('invalid_token', { error_description: reason }) });
  }
}

/** The request says more than once who is calling, or sends what is no token. */
export class AuthorizationUnreadableError extends AppError {
  readonly code = 'authorization-unreadable';
  override readonly denied = true;

  constructor() {
    super('Authorization is given once, as Bearer TOKEN.', challenge('invalid_request'));
  }
}

/** The token proves who is calling, and that is not enough. */
export class InsufficientScopeError extends AppError {
  readonly code = 'insufficient-scope';
  override readonly denied = true;

  /** @param scope what the token would have to have. */
  constructor(scope: string, reason = `The token needs the scope ${scope}.`) {
    super(reason, challenge('insufficient_scope', { scope }));
  }
}

const SCHEME = /^bearer(?: +|$)/i;

/**
 * The token of the request's `Authorization` header (RFC 6750, section 2.1); undefined where there is none, or one of
 * another scheme. Read from the raw lines: of several, node:http keeps the first and says nothing.
 *
 * @throws {AuthorizationUnreadableError} where there are several, or what follows `Bearer` is no token.
 */
export function readBearerToken(rawHeaders: readonly string[]): string | undefined {
  let sent: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length !== 13 || rawHeaders[i]!.toLowerCase() !== 'authorization') continue;
    if (sent !== undefined) throw new AuthorizationUnreadableError();
    sent = rawHeaders[i + 1];
  }
  const scheme = sent === undefined ? null : SCHEME.exec(sent);
  if (!scheme) return undefined;
  const token = sent!.slice(scheme[0].length);
  if (token === '' || token.includes(' ')) throw new AuthorizationUnreadableError();
  return token;
}
