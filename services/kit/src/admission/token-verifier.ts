import { hash } from 'node:crypto';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import { InvalidTokenError } from './bearer-token';
import { AppError } from '../problem/problem';
import type { KeySet } from '../../../offers/src/admission/key-set';
import { loadJose, type Jose } from './load-jose';
import { principalOf, type Principal } from './principal';

/**
 * Returns the principal of a token; synchronously if it was verified before. Calls `onWait` before it waits for the
 * issuer.
 *
 * @throws {InvalidTokenError} if the token is not valid.
 * @throws {KeysUnavailableError} if the keys cannot be read now.
 */
export type VerifyToken = (token: string, onWait?: () => void) => Principal | Promise<Principal>;

/** Only signatures with a key pair: with `HS256`, the public key would pass as the secret (RFC 8725, section 2.1). */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
/** How far the clocks of two machines may differ. */
export const CLOCK_SKEW_S = 30;
/** How many verified tokens are remembered. */
const MAX_TOKENS = 10_000;

/**
 * Verifies JSON Web Tokens (RFC 7519) of one issuer for one audience: signature, `exp`, `nbf`, `iss`, `aud`, `sub`.
 * Remembers a valid token by its hash until it expires or the keys change.
 */
export function createTokenVerifier(options: {
  keys: KeySet;
  issuer: string;
  audience: string;
}): VerifyToken {
  const { keys, issuer, audience } = options;
  const verified = new LRUCache<string, { principal: Principal; expiresAtMs: number }>({
    max: MAX_TOKENS,
  });
  let generation = 0;
  keys.onChange(() => {
    generation += 1;
    verified.clear();
  });
  const expected = {
    issuer,
    audience,
    algorithms: ALGORITHMS,
    clockTolerance: CLOCK_SKEW_S,
    requiredClaims: ['exp', 'sub'],
  };

  const verify = async (token: string, key: string, onWait?: () => void) => {
    const begunIn = generation;
    const payload = await readToken((jose) => verifyWith(jose, token, onWait));
    const principal = principalIn(payload);
    // If the keys changed meanwhile, accept the token only this once.
    if (generation === begunIn)
      verified.set(key, { principal, expiresAtMs: (payload.exp! + CLOCK_SKEW_S) * 1000 });
    return principal;
  };

  async function verifyWith(jose: Jose, token: string, onWait?: () => void): Promise<JWTPayload> {
    const { jwtVerify, errors } = jose;
    try {
      const getKey: JWTVerifyGetKey = (header, input) => keys.getKey(header, input, onWait);
      return (await jwtVerify(token, getKey, expected)).payload;
    } catch (error) {
      // During a rotation, several keys may match a token that names none, or whose key id two keys share.
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      for await (const key of error) {
        const payload = await jwtVerify(token, key, expected).then(
          (verified) => verified.payload,
          (failure: unknown) => {
            if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
          },
        );
        if (payload) return payload;
      }
      throw error;
    }
  }

  return (token, onWait) => {
    const key = hash('sha256', token, 'base64');
    const known = verified.get(key);
    return known && known.expiresAtMs > Date.now() ? known.principal : verify(token, key, onWait);
  };
}

/** What the client learns about a refused token; more would tell a forger how far it got. */
const reasons: Partial<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'The token has expired.',
  ERR_JWT_CLAIM_VALIDATION_FAILED: 'A claim of the token is not what it should be.',
};

/**
 * Verifies a token, and turns the library's errors into what the client may know.
 *
 * @throws {InvalidTokenError} if the token is not valid. An {@link AppError} from getting the key is thrown on as it
 * is.
 */
export async function readToken<Result>(verify: (jose: Jose) => Promise<Result>): Promise<Result> {
  const jose = await loadJose();
  try {
    return await verify(jose);
  } catch (error) {
    if (error instanceof AppError) throw error;
    // The issuer's key may be unusable: the library then throws an error of the runtime.
    const code = error instanceof jose.errors.JOSEError ? error.code : '';
    throw new InvalidTokenError(reasons[code] ?? 'The token is not valid here.', { cause: error });
  }
}

/**
 * Returns the principal of a verified token.
 *
 * @throws {InvalidTokenError} if `sub` is empty or not a string: the library only checks that it is there.
 */
export function principalIn(payload: JWTPayload): Principal {
  const { sub } = payload;
  if (typeof sub !== 'string' || sub === '') throw new InvalidTokenError('The token names nobody.');
  return principalOf(sub, scopesOf(payload));
}

/** Reads `scope` (RFC 8693, section 4.2), or `scp`, which some issuers use. */
function scopesOf({ scope, scp }: JWTPayload): string[] {
  const listed = scope ?? scp;
  if (typeof listed === 'string') return listed.split(' ');
  return Array.isArray(listed) ? listed.filter((each) => typeof each === 'string') : [];
}
