import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadJose } from '@loan-buddy/kit/admission';
import type { Contestant } from './measure';
import type { MeasuredProcess } from './process';

type Start = (script: string, env: NodeJS.ProcessEnv) => Promise<MeasuredProcess>;

/** `GET /offers` from a service without authentication, and from one with tokens and rate limits. */
export async function authenticationContestants(options: {
  folder: string;
  start: Start;
}): Promise<Contestant[]> {
  const { folder, start } = options;
  const { exportJWK, generateKeyPair, SignJWT } = await loadJose();
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwksFile = join(folder, 'jwks.json');
  writeFileSync(
    jwksFile,
    JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k' }] }),
  );
  const token = await new SignJWT({ scope: 'offers:read' })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .setIssuer('bench')
    .setAudience('bench')
    .setSubject('bench')
    .setExpirationTime('1 day')
    .sign(privateKey);
  const script = 'services/offers/dist/main.js';
  const open = await start(script, { DATABASE_URL: 'memory:' });
  const guarded = await start(script, {
    DATABASE_URL: 'memory:',
    AUTH_MODE: 'jwt',
    AUTH_ISSUER: 'bench',
    AUTH_AUDIENCE: 'bench',
    AUTH_JWKS_FILE: jwksFile,
    SERVICE_AUTH_SECRETS: 'b'.repeat(32),
    RATE_LIMIT_READS: '1000000000',
  });
  const path = '/offers';
  const headers = { Authorization: `Bearer ${token}` };
  return [
    { name: 'without authentication', processes: [open], request: { path }, expectedStatus: 200 },
    {
      name: 'without authentication, a token sent anyway',
      processes: [open],
      request: { path, headers },
      expectedStatus: 200,
    },
    {
      name: 'with a token verified, and rate limits',
      processes: [guarded],
      request: { path, headers },
      expectedStatus: 200,
    },
  ];
}
