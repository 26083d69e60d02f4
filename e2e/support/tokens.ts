import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AUDIENCE, createTokenIssuer, ISSUER } from '@loan-buddy/kit/testing';
import { atEnd } from './at-end';

export const secretBetweenServices = 'between-the-services-'.repeat(2);

/** Creates a token issuer, and the environment of services that accept its tokens. */
export async function useTokens() {
  const issuer = await createTokenIssuer();
  const folder = mkdtempSync(join(tmpdir(), 'auth-'));
  atEnd(() => {
    rmSync(folder, { recursive: true });
  });
  const jwksFile = join(folder, 'jwks.json');
  writeFileSync(jwksFile, issuer.jwks);
  const between = { AUTH_MODE: 'jwt', SERVICE_AUTH_SECRETS: secretBetweenServices };
  return {
    sign: issuer.sign,
    confirmPaymentEnv: between,
    offersEnv: {
      ...between,
      AUTH_ISSUER: ISSUER,
      AUTH_AUDIENCE: AUDIENCE,
      AUTH_JWKS_FILE: jwksFile,
    },
  };
}
