import { createSecretKey, hash, type KeyObject } from 'node:crypto';
import { loadJose } from './load-jose';
import { CLOCK_SKEW_S, principalFromClaims, readToken, type VerifyToken } from './read-token';

/** In characters, each at least one byte: a key for `HS256` has at least 32 bytes (RFC 7518, section 3.2). */
export const MIN_SECRET_CHARS = 32;

const ALGORITHM = 'HS256';
/** Longer than any call takes to succeed or fail. */
const LIFETIME_S = 60;

/** Creates a short-lived token for each request, signed with the first secret, which the other service must know. */
export function createServiceTokenSigner(
  secrets: readonly string[],
  { issuer, audience, scope }: Record<'issuer' | 'audience' | 'scope', string>,
): (requestId: string) => Promise<string> {
  const [[kid, key]] = [...keysOf(secrets)] as [[string, KeyObject]];
  return async (requestId) => {
    const { SignJWT } = await loadJose();
    return new SignJWT({ scope })
      .setProtectedHeader({ alg: ALGORITHM, kid })
      .setIssuer(issuer)
      .setSubject(issuer)
      .setAudience(audience)
      .setJti(requestId)
      .setIssuedAt()
      .setExpirationTime(`${String(LIFETIME_S)} s`)
      .sign(key);
  };
}

/** Accepts tokens of {@link createServiceTokenSigner} that are signed with any of the secrets. */
export function createServiceTokenVerifier(
  secrets: readonly string[],
  parties: Record<'issuer' | 'audience', string>,
): VerifyToken {
  const keys = keysOf(secrets);
  const expected = {
    ...parties,
    algorithms: [ALGORITHM],
    clockTolerance: CLOCK_SKEW_S,
    maxTokenAge: LIFETIME_S,
    requiredClaims: ['exp', 'sub', 'jti'],
  };
  return async (token) => {
    const { payload } = await readToken(({ jwtVerify, errors }) =>
      jwtVerify(
        token,
        ({ kid = '' }) => {
          const key = keys.get(kid);
          if (!key) throw new errors.JWKSNoMatchingKey();
          return key;
        },
        expected,
      ),
    );
    return principalFromClaims(payload);
  };
}

/** Returns the keys by key id. A key id reveals nothing about its secret. */
function keysOf(secrets: readonly string[]): Map<string, KeyObject> {
  return new Map(
    secrets.map((secret) => [
      hash('sha256', `kid:${secret}`, 'base64url').slice(0, 8),
      createSecretKey(secret, 'utf8'),
    ]),
  );
}
