import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTokenVerifier } from '../../offers/src/admission/token-verifier';
import { createKeySet } from '../../offers/src/admission/key-set';
import { recordingLogger } from '@loan-buddy/kit/testing';
import { developmentAuth, mintToken } from './development-auth';

const folder = mkdtempSync(join(tmpdir(), 'development-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const jwt = { AUTH_MODE: 'jwt' };
const wanted = { subject: 'cristina', scope: 'orders:read orders:write', ttlS: 60 };

/** Verifies a token as offers does in this environment. */
async function verifying(env: NodeJS.ProcessEnv, token: string) {
  const { AUTH_JWKS_FILE, AUTH_ISSUER, AUTH_AUDIENCE } = env;
  const keys = createKeySet({
    readText: () => Promise.resolve(readFileSync(AUTH_JWKS_FILE!, 'utf8')),
    refreshMs: 60_000,
    logger: recordingLogger().logger,
  });
  try {
    const verify = createTokenVerifier({ keys, issuer: AUTH_ISSUER!, audience: AUTH_AUDIENCE! });
    return await verify(token);
  } finally {
    keys.close();
  }
}

describe('developmentAuth', () => {
  it('admits a minted token, with its scopes and no others', async () => {
    const env = developmentAuth(jwt, folder);
    const principal = await verifying(env, await mintToken(wanted, folder));
    expect(principal.subject).toBe('cristina');
    expect(principal.hasScope('orders:write')).toBe(true);
    expect(principal.hasScope('orders:admin')).toBe(false);
    await expect(verifying(env, await mintToken({ ...wanted, ttlS: -31 }, folder))).rejects.toThrow(
      'expired',
    );
  });

  it('keeps its key for the next start, even if two callers create it at once', async () => {
    const fresh = join(folder, 'fresh');
    const tokens = await Promise.all([mintToken(wanted, fresh), mintToken(wanted, fresh)]);
    for (const token of [...tokens, await mintToken(wanted, fresh)]) {
      const env = developmentAuth(jwt, fresh);
      await expect(verifying(env, token)).resolves.toMatchObject({ subject: 'cristina' });
    }
  });

  it('lets only its owner read the private half of the key', () => {
    const { AUTH_JWKS_FILE } = developmentAuth(jwt, folder);
    const { d } = JSON.parse(readFileSync(join(folder, 'key.json'), 'utf8')) as { d: string };
    expect(statSync(join(folder, 'key.json')).mode & 0o077).toBe(0);
    expect(readFileSync(AUTH_JWKS_FILE!, 'utf8')).not.toContain(d);
  });

  it('creates a new secret for the services at each start', () => {
    const secrets = [developmentAuth(jwt, folder), developmentAuth(jwt, folder)].map(
      ({ SERVICE_AUTH_SECRETS }) => SERVICE_AUTH_SECRETS!,
    );
    expect(secrets.map(({ length }) => length)).toEqual([43, 43]);
    expect(secrets[0]).not.toBe(secrets[1]);
  });

  it.each([
    ['without AUTH_MODE=jwt', {}],
    ['in production', { ...jwt, NODE_ENV: 'production' }],
    [
      'if the environment has everything',
      { ...jwt, AUTH_JWKS_URL: 'https://x', SERVICE_AUTH_SECRETS_FILE: '/x' },
    ],
    [
      'to an issuer that is partly configured',
      { ...jwt, AUTH_ISSUER: 'https://x', SERVICE_AUTH_SECRETS: 'x' },
    ],
    [
      'to an issuer whose keys are in a file',
      { ...jwt, AUTH_JWKS_FILE: '/x', SERVICE_AUTH_SECRETS: 'x' },
    ],
  ])('adds nothing %s', (_, env) => {
    expect(developmentAuth(env, folder)).toEqual({});
  });
});
