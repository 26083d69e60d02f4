import { readFile } from 'node:fs/promises';
import { createAdmission, type Admission } from '@loan-buddy/kit/admission';
import { createTokenVerifier } from './admission/token-verifier';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { createWebClient } from './client/web-client';
import { createKeySet } from './admission/key-set';
import { createRateLimiter, type AddUsage } from './admission/rate-limiter';
import type { Config } from './config';

/** How long a withdrawn key is still accepted. A new one is accepted as soon as a token names it. */
const KEYS_REFRESH_MS = 300_000;
/** Reading a file is cheap. */
const KEYS_FILE_REFRESH_MS = 2000;
const KEYS_TIMEOUT_MS = 3000;
const MAX_KEYS_BYTES = 262_144;
/** Window of the quotas. */
const WINDOW_S = 60;

/** Authentication and quotas, as configured. */
export interface OpenAdmission {
  admission: Admission;
  close: () => Promise<void>;
}

/** @param addUsage adds up the replicas' counts; undefined for a single replica. */
export function openAdmission(options: {
  config: Config;
  addUsage: AddUsage | undefined;
  logger: Logger;
}): OpenAdmission {
  const { config, addUsage, logger } = options;
  const users = config.AUTH_MODE === 'jwt' ? openTokenVerifier(config, logger) : undefined;
  const limited =
    config.RATE_LIMIT === 'on' || (config.RATE_LIMIT !== 'off' && users !== undefined);
  const quota = { windowS: WINDOW_S };
  const quotas = {
    reads: { ...quota, name: 'reads', limit: config.RATE_LIMIT_READS, exact: false },
    writes: { ...quota, name: 'writes', limit: config.RATE_LIMIT_WRITES, exact: true },
  };
  const limiter = limited ? createRateLimiter({ quotas, addUsage, logger }) : undefined;
  const admission = createAdmission({
    verifyToken: users?.verifyToken,
    publicScopes: config.AUTH_PUBLIC_OFFERS ? ['offers:read'] : [],
    limiter,
    maxConcurrent: config.MAX_CONCURRENT_REQUESTS,
  });
  return {
    admission,
    close: async () => {
      await limiter?.close();
      await users?.close();
    },
  };
}

function openTokenVerifier(config: Config, logger: Logger) {
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience } = config;
  const { AUTH_JWKS_URL: url, AUTH_JWKS_FILE: file } = config;
  const client = createWebClient({
    maxResponseBytes: MAX_KEYS_BYTES,
    // A redirect could lead to plain HTTP.
    maxRedirects: 0,
    // The operator chose this URL, which may be inside the cluster.
    guard: undefined,
  });
  const keys = createKeySet({
    readText:
      url === undefined
        ? () => readFile(file!, 'utf8')
        : async () => {
            const { status, body } = await client.get(url, {
              signal: AbortSignal.timeout(KEYS_TIMEOUT_MS),
            });
            if (status !== 200) throw new Error(`the keys were answered with ${String(status)}`);
            return body;
          },
    refreshMs: url === undefined ? KEYS_FILE_REFRESH_MS : KEYS_REFRESH_MS,
    logger,
  });
  return {
    verifyToken: createTokenVerifier({ keys, issuer: issuer!, audience: audience! }),
    close: async () => {
      keys.close();
      await client.close();
    },
  };
}
