import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { JsonTooLargeError, parseBoundedJson } from '../../../client/bounded-json';
import { readRetryAfter } from '../../../client/retry-after';
import type { WebClient } from '../../../client/web-client';
import { ProviderError } from '../../failure-reason';

/** Versions that we request (Consumer Data Standards 1.36, HTTP headers): the newest, and the oldest as its minimum. */
const resources = { list: { newest: 5, oldest: 3 }, detail: { newest: 7, oldest: 4 } };

export type Resource = keyof typeof resources;

export type Holder = ReturnType<typeof createHolder>;
export type HolderResponse = Awaited<ReturnType<Holder['get']>>;

export class NotFoundError extends ProviderError {}

/** During a longer pause, calls fail at once. */
const MAX_WAIT_MS = 10_000;
const MAX_PAUSE_MS = 3_600_000;
const DEFAULT_PAUSE_MS = 30_000;
/** Far more than in the largest page of a real bank. */
const MAX_JSON_TOKENS = 200_000;
/** Maximum retries of one call after a 429. */
const MAX_PAUSES = 3;

/**
 * Creates a client for one bank's open product API. The bank responds with its highest version in the requested range,
 * or with 406; some reject any range except one they know. After a 406, requests the next lower version, and remembers
 * which one worked. After a 429, pauses all calls for as long as `Retry-After` says.
 */
export function createHolder(web: WebClient) {
  const workingVersion: Partial<Record<Resource, number | undefined>> = {};
  const lastVersion: Partial<Record<Resource, string | string[] | undefined>> = {};
  let pausedUntil = 0;

  return {
    /**
     * GETs one page or product, in a version that both sides support.
     *
     * @throws {ProviderError} unless the status is 2xx; rethrows the web client's errors.
     */
    get: async (resource: Resource, url: URL, signal: AbortSignal) => {
      const { newest, oldest } = resources[resource];
      let version = workingVersion[resource] ?? newest;
      for (let pauses = 0; ;) {
        const pauseMs = pausedUntil - performance.now();
        if (pauseMs > MAX_WAIT_MS) {
          throw new ProviderError('rate-limited', `rate limited for ${pauseMs.toFixed(0)} ms`);
        }
        if (pauseMs > 0) await sleep(pauseMs, undefined, { signal });
        // A holder ignores `x-min-v` unless it is below `x-v`.
        const minimum = oldest < version && { 'x-min-v': String(oldest) };
        const request = { headers: { 'x-v': String(version), ...minimum }, signal };
        const { status, headers, body } = await web.get(url, request);
        if (status === 406) {
          version -= 1;
          if (version > 0) continue;
          // None is left: the next call starts at the newest again.
          workingVersion[resource] = undefined;
          throw new ProviderError('error', `no supported version of the ${resource}`);
        }
        if (status === 429) {
          const retryAfterMs = readRetryAfter(headers['retry-after'], { maxMs: MAX_PAUSE_MS });
          pausedUntil = performance.now() + (retryAfterMs ?? DEFAULT_PAUSE_MS);
          if (++pauses > MAX_PAUSES) throw new ProviderError('rate-limited', 'repeated HTTP 429');
          continue;
        }
        if (status === 404) throw new NotFoundError('error', 'not found');
        if (status < 200 || status > 299)
          throw new ProviderError('error', `HTTP ${String(status)}`);
        workingVersion[resource] = version;
        lastVersion[resource] = headers['x-v'];
        return {
          /** Equal only for equal texts. */
          digest: hash('sha256', body, 'base64'),
          bytes: Buffer.byteLength(body),
          /** @throws {ProviderError} if the text is not JSON, or has more values than any bank's. */
          parse: () => parse(body),
        };
      }
    },
    /** The versions of the last responses, for people to read. */
    versions: () => `list ${readable(lastVersion.list)}, detail ${readable(lastVersion.detail)}`,
  };
}

/** The version as the holder sent it, or a hyphen if it is invalid. */
function readable(version: string | string[] | undefined): string {
  return /^\d{1,3}$/.test(String(version)) ? String(version) : '-';
}

function parse(body: string): unknown {
  try {
    return parseBoundedJson(body, MAX_JSON_TOKENS);
  } catch (error) {
    if (error instanceof JsonTooLargeError) throw new ProviderError('too-large', error.message);
    throw new ProviderError('invalid', 'the response is not JSON', { cause: error });
  }
}
