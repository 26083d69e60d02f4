import { readFile } from 'node:fs/promises';
import { createAdmission } from '@loan-buddy/kit/admission';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { createWebClient } from '../client/web-client';
import { createKeySet } from './key-set';
import { createRateLimiter, type AddUsage } from './rate-limiter';
import { createTokenVerifier } from './token-verifier';

/** How long a withdrawn key is still accepted. A new one is accepted as soon as a token names it. */
const KEYS_REFRESH_MS = 300_000;
/** Reading a file is cheap. */
const KEYS_FILE_REFRESH_MS = 2000;
const KEYS_TIMEOUT_MS = 3000;
const MAX_KEYS_BYTES = 1_048_576;
const WINDOW_S = 60;

/** Without `AUTH_MODE` `jwt`, everyone is admitted. */
interface Config {
  AUTH_MODE?: string | undefined;
  AUTH_ISSUER?: string | undefined;
  AUTH_AUDIENCE?: string | undefined;
  AUTH_JWKS_URL?: string | undefined;
  AUTH_JWKS_FILE?: string | undefined;
  AUTH_PUBLIC_OFFERS: boolean;
  RATE_LIMIT?: string | undefined;
  RATE_LIMIT_READS: number;
  RATE_LIMIT_WRITES: number;
  MAX_CONCURRENT_REQUESTS: number;
}

/**
 * Authenticates users and applies their quotas.
 *
 * @param addUsage adds up the replicas' counts; undefined for a single replica
 */
export function createUserAdmission(
  config: Config,
  { addUsage, logger }: { addUsage: AddUsage | undefined; logger: Logger },
) {
  const { RATE_LIMIT_READS: reads, RATE_LIMIT_WRITES: writes } = config;
  const isJwt = config.AUTH_MODE === 'jwt';
  const isLimited = config.RATE_LIMIT === 'on' || (config.RATE_LIMIT !== 'off' && isJwt);
  const users = isJwt ? openTokenVerifier(config, logger) : undefined;
  const quotas = {
    reads: { windowS: WINDOW_S, name: 'reads', limit: reads, exact: false },
    writes: { windowS: WINDOW_S, name: 'writes', limit: writes, exact: true },
  };
  const limiter = isLimited ? createRateLimiter({ quotas, addUsage, logger }) : undefined;
  return {
    admission: createAdmission({
      verifyToken: users?.verifyToken,
      publicScopes: config.AUTH_PUBLIC_OFFERS ? ['offers:read'] : [],
      limiter,
      maxConcurrent: config.MAX_CONCURRENT_REQUESTS,
    }),
    /** The issuer's keys; undefined without tokens. */
    keys: users?.keys,
    close: async () => {
      await limiter?.close();
      await users?.close();
    },
  };
}

function openTokenVerifier(config: Config, logger: Logger) {
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
            if (status !== 200) throw new Error(`the issuer responded ${String(status)}`);
            return body;
          },
    refreshMs: url === undefined ? KEYS_FILE_REFRESH_MS : KEYS_REFRESH_MS,
    logger,
  });
  return {
    keys,
    verifyToken: createTokenVerifier({
      keys,
      issuer: config.AUTH_ISSUER!,
      audience: config.AUTH_AUDIENCE!,
    }),
    close: async () => {
      keys.close();
      await client.close();
    },
  };
}
