import type { JWTHeaderParameters, JWTPayload } from 'jose';
import { loadJose } from '../src/admission/load-jose';

/** The `iss` and `aud` of its tokens. */
export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'loan-buddy';

/** The claims of a token. One that is undefined is left out. */
export interface Claims {
  sub?: string | undefined;
  scope?: unknown;
  iss?: string;
  aud?: string;
  /** Seconds from now. */
  expiresIn?: number | undefined;
  notBefore?: number;
  [claim: string]: unknown;
}

/** Creates an issuer of valid tokens, with one key pair. */
export async function createTokenIssuer(kid = 'key-1', alg = 'ES256') {
  const { exportJWK, exportSPKI, generateKeyPair, SignJWT } = await loadJose();
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  const payloadOf = (claims: Claims) => {
    const { expiresIn = 600, notBefore, ...others } = claims;
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: ISSUER,
      aud: AUDIENCE,
      sub: 'cristina',
      iat: now,
      ...('expiresIn' in claims && claims.expiresIn === undefined ? {} : { exp: now + expiresIn }),
      ...(notBefore !== undefined && { nbf: now + notBefore }),
      ...others,
    };
  };
  return {
    jwk,
    /** The public key as PEM text, as an attacker may have it. */
    pem: await exportSPKI(publicKey),
    jwks: JSON.stringify({ keys: [jwk] }),
    payloadOf,
    sign: (claims: Claims = {}, header: { kid?: string | undefined; alg?: string } = {}) =>
      new SignJWT(payloadOf(claims) as JWTPayload)
        .setProtectedHeader({ alg, kid, ...header } as JWTHeaderParameters)
        .sign(privateKey),
  };
}
