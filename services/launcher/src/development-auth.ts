import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { loadJose } from '@loan-buddy/kit/admission';

/** Where the development keys are kept, beside the development orders. */
const FOLDER = join(__dirname, '..', '..', '..', '.data', 'auth');
const ISSUER = 'loan-buddy-development';
const AUDIENCE = 'loan-buddy';
const ALGORITHM = 'ES256';

/** The default scopes of a user's token. */
export const USER_SCOPES = 'offers:read orders:read orders:write';

/**
 * Returns what `AUTH_MODE=jwt` needs on a laptop and the environment does not set: an issuer with a key created here, and
 * a secret that only the two services know. Empty in production.
 */
export function developmentAuth(env: NodeJS.ProcessEnv, folder = FOLDER): NodeJS.ProcessEnv {
  if (env['AUTH_MODE'] !== 'jwt' || env['NODE_ENV'] === 'production') return {};
  // A variable may also come from a file.
  const isSet = (name: string) => [env[name], env[`${name}_FILE`]].some(Boolean);
  let issuer = {};
  // A complete issuer or nothing: the service itself rejects an incomplete configuration.
  if (!['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWKS_URL', 'AUTH_JWKS_FILE'].some(isSet)) {
    const { jwksFile } = developmentKey(folder);
    issuer = { AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE, AUTH_JWKS_FILE: jwksFile };
  }
  if (isSet('SERVICE_AUTH_SECRETS')) return issuer;
  return { ...issuer, SERVICE_AUTH_SECRETS: randomBytes(32).toString('base64url') };
}

/** Signs a token for development. Its scopes are separated by spaces; it expires after `ttlS` seconds. */
export async function mintToken(
  wanted: { subject: string; scope: string; ttlS: number },
  folder = FOLDER,
): Promise<string> {
  const { SignJWT, importJWK } = await loadJose();
  const { jwk } = developmentKey(folder);
  return new SignJWT({ scope: wanted.scope })
    .setProtectedHeader({ alg: ALGORITHM, kid: jwk.kid })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(wanted.subject)
    .setIssuedAt()
    .setExpirationTime(`${String(wanted.ttlS)} s`)
    .sign(await importJWK(jwk, ALGORITHM));
}

/** Returns the key, created on first use and readable only by its owner. Its public half is in `jwksFile`. */
function developmentKey(folder: string) {
  const keyFile = join(folder, 'key.json');
  const jwksFile = join(folder, 'jwks.json');
  if (!existsSync(keyFile)) createKey(folder, keyFile);
  const jwk = JSON.parse(readFileSync(keyFile, 'utf8')) as Record<'kid' | 'kty', string>;
  const jwks = { keys: [{ ...jwk, d: undefined, alg: ALGORITHM, use: 'sig' }] };
  renameSync(writeTemporary(jwksFile, jwks, 0o644), jwksFile);
  return { jwk, jwksFile };
}

function createKey(folder: string, keyFile: string): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(8).toString('hex') };
  mkdirSync(folder, { recursive: true });
  const temporary = writeTemporary(keyFile, jwk, 0o600);
  try {
    linkSync(temporary, keyFile);
  } catch (error) {
    // Another process has just created the key.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(temporary);
  }
}

/** Writes a temporary file to rename or link, so that no reader sees a half-written one. Returns its path. */
function writeTemporary(file: string, content: object, mode: number): string {
  const temporary = `${file}.${String(process.pid)}`;
  writeFileSync(temporary, JSON.stringify(content), { mode });
  return temporary;
}
