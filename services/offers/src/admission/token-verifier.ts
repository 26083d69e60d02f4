import { hash } from 'node:crypto';
import {
  CLOCK_SKEW_S,
  principalFromClaims,
  readToken,
  type Jose,
  type Principal,
  type VerifyToken,
} from '@loan-buddy/kit/admission';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import { ALGORITHMS, type KeySet } from './key-set';

const MAX_TOKENS = 10_000;

/**
 * Verifies JSON Web Tokens (RFC 7519) of one issuer for one audience: signature, `exp`, `nbf`, `iss`, `aud`, `sub`.
 * Remembers a valid token by its hash until it expires or the keys change.
 */
export function createTokenVerifier(options: {
  keys: Pick<KeySet, 'getKey' | 'onChange'>;
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
    const startGeneration = generation;
    const payload = await readToken((jose) => verifyWith(jose, token, onWait));
    const principal = principalFromClaims(payload);
    // If the keys changed meanwhile, accept the token only this once.
    if (generation === startGeneration)
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
