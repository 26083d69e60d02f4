import { randomBytes } from 'node:crypto';
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
export async function developmentAuth(
  env: NodeJS.ProcessEnv,
  folder = FOLDER,
): Promise<NodeJS.ProcessEnv> {
  if (env['AUTH_MODE'] !== 'jwt' || env['NODE_ENV'] === 'production') return {};
  return { ...(await missingIssuer(env, folder)), ...missingSecret(env) };
}

/** Returns a complete issuer or nothing: the service itself rejects an incomplete configuration. */
async function missingIssuer(env: NodeJS.ProcessEnv, folder: string): Promise<NodeJS.ProcessEnv> {
  const names = ['AUTH_ISSUER', 'AUTH_AUDIENCE', 'AUTH_JWKS_URL', 'AUTH_JWKS_FILE'];
  if (names.some((name) => isSet(env, name))) return {};
  const { jwksFile } = await developmentKey(folder);
  return { AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE, AUTH_JWKS_FILE: jwksFile };
}

function missingSecret(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (isSet(env, 'SERVICE_AUTH_SECRETS')) return {};
  return { SERVICE_AUTH_SECRETS: randomBytes(32).toString('base64url') };
}

/** A variable may also come from a file. */
function isSet(env: NodeJS.ProcessEnv, name: string): boolean {
  return [env[name], env[`${name}_FILE`]].some(Boolean);
}

/**
 * Signs a token for development.
 *
 * @param wanted.scope space-separated
 * @param wanted.ttlS seconds until it expires
 */
export async function mintToken(
  wanted: { subject: string; scope: string; ttlS: number },
  folder = FOLDER,
): Promise<string> {
  const { SignJWT, importJWK } = await loadJose();
  const { jwk } = await developmentKey(folder);
  return new SignJWT({ scope: wanted.scope })
    .setProtectedHeader({ alg: ALGORITHM, kid: jwk.kid })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(wanted.subject)
    .setIssuedAt()
    .setExpirationTime(`${String(wanted.ttlS)} s`)
    .sign(await importJWK(jwk, ALGORITHM));
}

type PrivateKey = Record<'kid' | 'kty' | 'crv' | 'x' | 'y' | 'd', string>;

/** Returns the key, created on first use and readable only by its owner. Its public half is in `jwksFile`. */
async function developmentKey(folder: string): Promise<{ jwk: PrivateKey; jwksFile: string }> {
  const keyFile = join(folder, 'key.json');
  const jwksFile = join(folder, 'jwks.json');
  if (!existsSync(keyFile)) await createKey(folder, keyFile);
  const jwk = JSON.parse(readFileSync(keyFile, 'utf8')) as PrivateKey;
  const { kid, kty, crv, x, y } = jwk;
  const jwks = { keys: [{ kid, kty, crv, x, y, alg: ALGORITHM, use: 'sig' }] };
  renameSync(writeTemporary(jwksFile, JSON.stringify(jwks), 0o644), jwksFile);
  return { jwk, jwksFile };
}

async function createKey(folder: string, keyFile: string): Promise<void> {
  const { generateKeyPair, exportJWK } = await loadJose();
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: randomBytes(8).toString('hex') };
  mkdirSync(folder, { recursive: true });
  const temporary = writeTemporary(keyFile, JSON.stringify(jwk), 0o600);
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
function writeTemporary(file: string, text: string, mode: number): string {
  const temporary = `${file}.${String(process.pid)}`;
  writeFileSync(temporary, text, { mode });
  return temporary;
}
