import { randomUUID } from 'node:crypto';

/** Version, trace id, parent id, flags. Drops what a later version appends. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;

// Node.js keeps random UUIDs ready: two calls of randomBytes take six times as long.
const randomTraceId = () => randomUUID().replaceAll('-', '');

/**
 * Returns the `traceparent` to send on (W3C Trace Context, section 3.2): of the caller's trace, or of a new one if the
 * caller's is missing or invalid. The parent id is always new.
 */
export function continueTrace(received: string | undefined): string {
  const [, version, traceId, flags, more] = TRACEPARENT.exec(received ?? '') ?? [];
  const isValid = traceId !== undefined && !(version === '00' && more !== undefined);
  const parentId = randomTraceId().slice(16);
  return isValid ? `00-${traceId}-${parentId}-${flags!}` : `00-${randomTraceId()}-${parentId}-01`;
}
