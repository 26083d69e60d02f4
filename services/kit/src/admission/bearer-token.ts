import type { Request } from 'express';
import { headerLines } from '../problem/header-list';
import { AppError } from '../problem/app-error';

const REALM = 'Bearer realm="loan-buddy"';

/** Builds the header that says what is wrong with the token (RFC 6750, section 3). */
function challenge(error?: string, attributes: Readonly<Record<string, string>> = {}) {
  const all = Object.entries({ ...(error !== undefined && { error }), ...attributes });
  const parts = [REALM, ...all.map(([name, value]) => `${name}="${value}"`)];
  return { headers: ['WWW-Authenticate', parts.join(', ')] };
}

/** The request needs a token and has none. Its challenge has no error code (RFC 6750, section 3.1). */
export class TokenMissingError extends AppError {
  readonly code = 'token-missing';
  override readonly denied = true;

  constructor() {
    super('Send a token: Authorization: Bearer TOKEN.', challenge());
  }
}

/** The token is malformed or expired, has a wrong claim, or is not signed with a known key. */
export class InvalidTokenError extends AppError {
  readonly code = 'token-invalid';
  override readonly denied = true;

  /** @param reason sent to the client in a quoted string, so it must contain no secrets and no quotes. */
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, { ...options, ...challenge('invalid_token', { error_description: reason }) });
  }
}

/** The request has several `Authorization` headers, or one that is not `Bearer TOKEN`. */
class AuthorizationUnreadableError extends AppError {
  readonly code = 'authorization-unreadable';
  override readonly denied = true;

  constructor() {
    super('Send exactly one Authorization header: Bearer TOKEN.', challenge('invalid_request'));
  }
}

/** The token is valid but lacks `scope`. */
export class InsufficientScopeError extends AppError {
  readonly code = 'insufficient-scope';
  override readonly denied = true;

  constructor(scope: string, reason = `The token needs the scope ${scope}.`) {
    super(reason, challenge('insufficient_scope', { scope }));
  }
}

const SCHEME = /^bearer(?: +|$)/i;

/**
 * Returns the token of the `Authorization` header (RFC 6750, section 2.1), or undefined if there is none or it has
 * another scheme. Of several such lines, `req.headers` has only the first.
 *
 * @throws {AuthorizationUnreadableError} if there are several, or if what follows `Bearer` is not a token.
 */
export function readBearerToken(req: Request): string | undefined {
  const [sent, ...more] = headerLines(req, 'authorization');
  if (more.length > 0) throw new AuthorizationUnreadableError();
  const scheme = sent === undefined ? null : SCHEME.exec(sent);
  if (!scheme) return undefined;
  const token = sent!.slice(scheme[0].length);
  if (token === '' || token.includes(' ')) throw new AuthorizationUnreadableError();
  return token;
}
