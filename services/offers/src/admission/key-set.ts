import type { JWK, JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { AppError } from '@loan-buddy/kit/problem';
import { loadJose, type Jose } from '@loan-buddy/kit/admission';
import { parseJson } from '@loan-buddy/kit/messaging';

/** The keys cannot be read, so a token can be neither accepted nor rejected. */
export class KeysUnavailableError extends AppError {
  readonly code = 'keys-unavailable';
  override readonly denied = true;
}

export type KeySet = ReturnType<typeof createKeySet>;

/**
 * Only signatures with a key pair: with `HS256`, the public key would pass as the secret (RFC 8725, section 2.1).
 * `EdDSA` is the old name of `Ed25519` (RFC 9864).
 */
export const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'];

const keySetSchema = z.object({ keys: z.array(z.unknown()) });
/** RFC 7518, sections 3.3 and 3.5. */
const MIN_RSA_BITS = 2048;

/** The first and the longest pause before the next read, until one succeeds. */
const MIN_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** Limits how often tokens with unknown keys cause a request to the issuer. */
const COOLDOWN_MS = 10_000;

/**
 * Reads the JWK Set at once, every `refreshMs`, and when a token names an unknown key, but not within `cooldownMs` of
 * the last such read; until the first read succeeds, also after short pauses. Keeps the previous keys while it cannot
 * read new ones.
 */
export function createKeySet(options: {
  readText: () => Promise<string>;
  refreshMs: number;
  cooldownMs?: number;
  logger: Logger;
}) {
  const { readText, refreshMs, cooldownMs = COOLDOWN_MS, logger } = options;
  const listeners: (() => void)[] = [];
  let text = '';
  let find: JWTVerifyGetKey | undefined;
  let failure: unknown;
  let isReady = false;
  let isClosed = false;
  let retryMs = MIN_RETRY_MS;
  let retryTimer: NodeJS.Timeout | undefined;
  /** When an unknown key last caused a read. */
  let lastMissReadAt = -Infinity;
  let reading: Promise<void> | undefined;

  const load = async (newText: string) => {
    const set = keySetSchema.safeParse(parseJson(newText)).data;
    if (!set) throw new Error('not a JSON Web Key Set');
    const jose = await loadJose();
    const keys = (await Promise.all(set.keys.map((jwk) => readKey(jose, jwk)))).flat();
    find = keys.length > 0 ? jose.createLocalJWKSet({ keys }) : undefined;
    text = newText;
    logger.info({ keys: keys.length, ignored: set.keys.length - keys.length }, 'token keys loaded');
    for (const listener of listeners) listener();
  };

  const read = async () => {
    try {
      const newText = await readText();
      if (newText !== text) await load(newText);
      if (!find) throw new Error('no usable key');
      failure = undefined;
      isReady = true;
    } catch (error) {
      // Logged once: the next read comes soon, and an outage may last.
      if (failure === undefined || reasonOf(failure) !== reasonOf(error))
        logger.warn({ err: error }, 'token keys cannot be read');
      failure = error;
      if (isReady || isClosed) return;
      clearTimeout(retryTimer);
      retryTimer = setTimeout(() => void reload(), retryMs).unref();
      retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
    } finally {
      reading = undefined;
    }
  };
  const reload = () => (reading ??= read());
  const reloadThrottled = async (onWait?: () => void) => {
    const now = performance.now();
    if (reading !== undefined || now - lastMissReadAt >= cooldownMs) {
      if (reading === undefined) lastMissReadAt = now;
      onWait?.();
      await reload();
    }
    if (failure === undefined && find) return find;
    throw new KeysUnavailableError('the keys cannot be read', {
      cause: failure,
      retryAfterSeconds: 5,
    });
  };

  void reload();
  const timer = setInterval(() => void reload(), refreshMs).unref();

  return {
    /**
     * Returns the key that a token names. For an unknown key it reads the set again, at most once per cooldown, and
     * calls `onWait` before it waits.
     *
     * @throws {KeysUnavailableError} if the key is unknown and the set was never read or cannot be read now.
     */
    getKey: async (
      ...[header, token, onWait]: [...Parameters<JWTVerifyGetKey>, onWait?: () => void]
    ) => {
      if (find) {
        try {
          return await find(header, token);
        } catch (error) {
          if ((error as { code?: string }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error;
        }
      }
      return (await reloadThrottled(onWait))(header, token);
    },
    /** Whether keys were ever read: an outage of the issuer must not take a running process out of service. */
    isReady: () => isReady,
    /** `ok`, or why the keys cannot be read now. */
    state: () => {
      if (failure !== undefined) return `cannot be read: ${reasonOf(failure)}`;
      return isReady ? 'ok' : 'being read';
    },
    /** Calls `listener` whenever the keys change. */
    onChange: (listener: () => void) => {
      listeners.push(listener);
    },
    close: () => {
      isClosed = true;
      clearInterval(timer);
      clearTimeout(retryTimer);
    },
  };
}

/** Returns a key, or nothing if it cannot verify a token of ours (RFC 7517, section 5: ignore such keys). */
async function readKey({ createLocalJWKSet }: Jose, entry: unknown): Promise<JWK[]> {
  const { alg, ...withoutAlg } = Object(entry) as JWK;
  // Both names mean the same algorithm, and a token may have the other one.
  const isEd25519 = withoutAlg.crv === 'Ed25519' && (alg === 'EdDSA' || alg === 'Ed25519');
  const jwk = isEd25519 ? withoutAlg : (entry as JWK);
  const checks = ALGORITHMS.map(async (name) => {
    const key = await createLocalJWKSet({ keys: [jwk] })({ alg: name });
    const { modulusLength = MIN_RSA_BITS } = key.algorithm as { modulusLength?: number };
    if (modulusLength < MIN_RSA_BITS) throw new Error('the key is too short');
  });
  return Promise.any(checks).then(
    () => [jwk],
    () => [],
  );
}

/** Returns the error's code, or its message if it has none: the messages of system errors may name addresses. */
function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message: string };
  return typeof code === 'string' ? code : message;
}
