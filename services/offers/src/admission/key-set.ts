import type { JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { AppError } from '@loan-buddy/kit/problem';
import { loadJose } from '@loan-buddy/kit/admission';

/** The keys cannot be read, so a token can be neither accepted nor rejected. */
export class KeysUnavailableError extends AppError {
  readonly code = 'keys-unavailable';
  override readonly denied = true;
}

export type KeySet = ReturnType<typeof createKeySet>;

/** The part of a JWK Set (RFC 7517, section 5) that we check. */
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

/** Limits how often tokens with unknown keys cause a request to the issuer. */
const COOLDOWN_MS = 10_000;

/**
 * Reads the JWK Set at once, every `refreshMs`, and when a token names an unknown key, but not within `cooldownMs` of
 * the last such read. Keeps the previous keys while it cannot read new ones.
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
  /** When an unknown key last caused a read. */
  let lastMissReadAt = -Infinity;
  let reading: Promise<void> | undefined;

  const read = async () => {
    try {
      const now = await readText();
      const set = keySetSchema.parse(JSON.parse(now.replace(/^\uFEFF/, '')));
      if (now !== text) {
        const { createLocalJWKSet } = await loadJose();
        find = createLocalJWKSet(set);
        text = now;
        logger.info({ keys: set.keys.length }, 'token keys loaded');
        for (const listener of listeners) listener();
      }
      failure = undefined;
    } catch (error) {
      // Logged once: the next read comes soon, and an outage may last.
      if (failure === undefined) logger.warn({ err: error }, 'token keys cannot be read');
      failure = error;
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
    /** Calls `listener` whenever the keys change. */
    onChange: (listener: () => void) => {
      listeners.push(listener);
    },
    close: () => {
      clearInterval(timer);
    },
  };
}
