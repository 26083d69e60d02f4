import { createHash } from 'node:crypto';

/** The key under which `rate_limit_usage` stores a client's use of a quota: a hash, which does not reveal the client. */
export function usageKey(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
