import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadJose } from '@loan-buddy/kit/admission';
import type { Bench } from '../bench';
import type { MeasuredProcess } from '../process';
import { compareListings } from './offers';

/** `GET /offers` from a service without authentication, and from one with tokens and rate limits. */
export async function tokenTable(bench: Bench): Promise<void> {
  const { builds, folder, startService } = bench;
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
  const Authorization = `Bearer ${token}`;

  const processes: Record<string, MeasuredProcess> = {};
  const headers: Record<string, { Authorization: string }> = {};
  for (const build of builds) {
    const open = await startService('offers', build, { DATABASE_URL: 'memory:' });
    const guarded = await startService('offers', build, {
      DATABASE_URL: 'memory:',
      AUTH_MODE: 'jwt',
      AUTH_ISSUER: 'bench',
      AUTH_AUDIENCE: 'bench',
      AUTH_JWKS_FILE: jwksFile,
      SERVICE_AUTH_SECRETS: 'b'.repeat(32),
      RATE_LIMIT_READS: '1000000000',
    });
    processes[build.label('without authentication')] = open;
    for (const [name, process] of [
      ['without authentication, a token sent anyway', open],
      ['with a token verified, and rate limits', guarded],
    ] as const) {
      processes[build.label(name)] = process;
      headers[build.label(name)] = { Authorization };
    }
  }
  await bench.settle();
  await compareListings(bench, 'GET /offers', processes, { headers });
}
