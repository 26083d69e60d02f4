import type { JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { Logger } from '../logger';
import { AppError } from '../problem';
import { loadJose } from './load-jose';

/** Nobody can tell now whether the token is good: the keys cannot be read. */
export class KeysUnavailableError extends AppError {
  readonly code = 'keys-unavailable';
  override readonly denied = true;

  constructor(options?: ErrorOptions) {
    super('the keys cannot be read', { ...options, retryAfterSeconds: 5 });
  }
}

/** The public keys of whoever issues tokens (RFC 7517), as they are by now. */
export interface KeySet {
  /**
   * The key a token says it is signed with. For one that is not known the set is read again, but not each time; `onWait` is
   * called before that is waited for.
   *
   * @throws {KeysUnavailableError} where the set was never read, or cannot be read again.
   */
  getKey: (
    ...args: [...Parameters<JWTVerifyGetKey>, onWait?: () => void]
  ) => ReturnType<JWTVerifyGetKey>;
  /** Calls back whenever the keys have changed. */
  onChange: (listener: () => void) => void;
  close: () => void;
}

/** A JWK Set (RFC 7517, section 5) as far as it must be one to be asked for keys. */
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

/** Tokens that name unknown keys must not make us ask the issuer more often than this. */
const COOLDOWN_MS = 10_000;

/**
 * Keeps the key set that `readText` reads, a JSON text: at once, every `refreshMs`, and when a token names a key that is
 * not in it, though not within `cooldownMs` of the last reading for that reason. While it cannot be read, what was read
 * before goes on counting.
 */
export function createKeySet(options: {
  readText: () => Promise<string>;
  refreshMs: number;
  cooldownMs?: number;
  logger: Logger;
}): KeySet {
  const { readText, refreshMs, cooldownMs = COOLDOWN_MS, logger } = options;
  const listeners: (() => void)[] = [];
  let text = '';
  let find: JWTVerifyGetKey | undefined;
  let failure: unknown;
  let askedAt = -Infinity;
  let reading: Promise<void> | undefined;

  const read = async () => {
    try {
      const now = await readText();
      const set = keySetSchema.parse(JSON.parse(now));
      if (now !== text) {
        const { createLocalJWKSet } = await loadJose();
        find = createLocalJWKSet(set);
        text = now;
        logger.info({ keys: set.keys.length }, 'token keys read');
        for (const listener of listeners) listener();
      }
      failure = undefined;
    } catch (error) {
      // Said once: the next look comes soon, and the outage may take long.
      if (failure === undefined) logger.warn({ err: error }, 'token keys cannot be read');
      failure = error;
    } finally {
      reading = undefined;
    }
  };
  const reload = () => (reading ??= read());
  const reloadUnlessJustDone = async (onWait?: () => void) => {
    const now = performance.now();
    if (reading !== undefined || now - askedAt >= cooldownMs) {
      if (reading === undefined) askedAt = now;
      onWait?.();
      await reload();
    }
    if (failure !== undefined || !find) throw new KeysUnavailableError({ cause: failure });
    return find;
  };

  void reload();
  const timer = setInterval(() => void reload(), refreshMs).unref();

  return {
    getKey: async (header, token, onWait) => {
      if (find) {
        try {
          return await find(header, token);
        } catch (error) {
          if ((error as { code?: string }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error;
        }
      }
      return (await reloadUnlessJustDone(onWait))(header, token);
    },
    onChange: (listener) => listeners.push(listener),
    close: () => {
      clearInterval(timer);
    },
  };
}
