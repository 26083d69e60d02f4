import type { JWTPayload } from 'jose';
import { AppError } from '../problem/app-error';
import { InvalidTokenError } from './bearer-token';
import { loadJose, type Jose } from './load-jose';
import { principalOf, type Principal } from './principal';

/**
 * Returns the principal; synchronously if the token was verified before. Calls `onWait` before it waits for the issuer.
 *
 * @throws {InvalidTokenError} if the token is not valid.
 * @throws {KeysUnavailableError} if the keys cannot be read now.
 */
export type VerifyToken = (token: string, onWait?: () => void) => Principal | Promise<Principal>;

/** How far the clocks of two machines may differ. */
export const CLOCK_SKEW_S = 30;

/** What the client learns about a rejected token; more would tell a forger how close it came. */
const reasons: Partial<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'The token has expired.',
  ERR_JWT_CLAIM_VALIDATION_FAILED: 'A claim of the token is wrong.',
};

/** Turns the library's errors into what the client may know. Rethrows an {@link AppError} from getting the key. */
export async function readToken<Result>(verify: (jose: Jose) => Promise<Result>): Promise<Result> {
  const jose = await loadJose();
  try {
    return await verify(jose);
  } catch (error) {
    if (error instanceof AppError) throw error;
    // The issuer's key may be unusable: the library then throws an error of the runtime.
    const code = error instanceof jose.errors.JOSEError ? error.code : '';
    throw new InvalidTokenError(reasons[code] ?? 'The token is not valid.', { cause: error });
  }
}

/** @throws {InvalidTokenError} if `sub` is empty or not a string: the library only checks that it is present. */
export function principalFromClaims(payload: JWTPayload): Principal {
  const { sub } = payload;
  if (typeof sub !== 'string' || sub === '')
    throw new InvalidTokenError('The token has no subject.');
  return principalOf(sub, scopesOf(payload));
}

/** Reads `scope` (RFC 8693, section 4.2), or `scp`, which some issuers use. */
function scopesOf({ scope, scp }: JWTPayload): string[] {
  const listed = scope ?? scp;
  if (typeof listed === 'string') return listed.split(' ');
  return Array.isArray(listed) ? listed.filter((each) => typeof each === 'string') : [];
}
