import { readFile } from 'node:fs/promises';
import { createAdmission, type Admission } from '@loan-buddy/kit/admission';
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
const MAX_KEYS_BYTES = 262_144;
const WINDOW_S = 60;

/** Whose tokens to accept, and where to read the issuer's keys: from `jwksUrl` or from `jwksFile`. */
interface TokenOptions {
  issuer: string;
  audience: string;
  jwksUrl: string | undefined;
  jwksFile: string | undefined;
}

/**
 * Authenticates users and applies their quotas.
 *
 * @param options.tokens if undefined, everyone is admitted
 * @param options.publicScopes scopes that need no token
 * @param options.limits requests per minute; if undefined, nothing is limited
 * @param options.addUsage adds up the replicas' counts; undefined for a single replica
 */
export function createUserAdmission(options: {
  tokens: TokenOptions | undefined;
  publicScopes: readonly string[];
  limits: { reads: number; writes: number } | undefined;
  addUsage: AddUsage | undefined;
  maxConcurrent: number;
  logger: Logger;
}): { admission: Admission; close: () => Promise<void> } {
  const { tokens, publicScopes, limits, addUsage, maxConcurrent, logger } = options;
  const users = tokens && openTokenVerifier(tokens, logger);
  const limiter =
    limits &&
    createRateLimiter({
      quotas: {
        reads: { windowS: WINDOW_S, name: 'reads', limit: limits.reads, exact: false },
        writes: { windowS: WINDOW_S, name: 'writes', limit: limits.writes, exact: true },
      },
      addUsage,
      logger,
    });
  return {
    admission: createAdmission({
      verifyToken: users?.verifyToken,
      publicScopes,
      limiter,
      maxConcurrent,
    }),
    close: async () => {
      await limiter?.close();
      await users?.close();
    },
  };
}

function openTokenVerifier(options: TokenOptions, logger: Logger) {
  const { issuer, audience, jwksUrl: url, jwksFile: file } = options;
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
    verifyToken: createTokenVerifier({ keys, issuer, audience }),
    close: async () => {
      keys.close();
      await client.close();
    },
  };
}
