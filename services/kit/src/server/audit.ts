import type { Socket } from 'node:net';
import type { Request } from 'express';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the only way Express offers to extend its request
  namespace Express {
    interface Request {
      /** The code of the problem in its response. */
      problemCode: string | undefined;
      /** Whether that problem denies the request (see {@link AppError.denied}). */
      denied: boolean | undefined;
    }
  }
}

/** Who asked for what, and the outcome. */
interface AuditLine {
  /** The subject of the token; null without one. */
  who: string | null;
  /** The client's address, as named by the trusted proxies. */
  address: string | null;
  /** Null if the request could not be read. */
  method: string | null;
  /** Without the query; null if the request could not be read. */
  path: string | null;
  outcome: 'done' | 'denied' | 'failed' | 'aborted';
  /** Null if the client left before the response was sent. */
  status: number | null;
  code?: string;
  requestId: string;
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Returns the audit line of a request that was denied, or that reached a route with an unsafe method. Returns undefined
 * for others.
 */
export function auditLine(req: Request, status: number | null): AuditLine | undefined {
  const { denied = false, problemCode } = req;
  const changes = req.route !== undefined && !SAFE_METHODS.has(req.method);
  if (!denied && !changes) return undefined;
  return {
    who: req.principal?.subject ?? null,
    address: req.ip ?? null,
    method: req.method,
    path: req.path,
    outcome: outcomeOf(status, denied),
    status,
    ...(problemCode !== undefined && { code: problemCode }),
    requestId: req.requestId,
  };
}

/**
 * Makes Node.js cache the client's address: a closed socket cannot look it up, and audit lines are written after the
 * close.
 */
export function cacheAddress({ remoteAddress }: Socket): string | undefined {
  return remoteAddress;
}

/** Returns the audit line of bytes that are not a request. */
export function unparsableAuditLine(
  socket: Socket,
  { status, code, requestId }: { status: number; code: string; requestId: string },
): AuditLine {
  const address = socket.remoteAddress ?? null;
  return {
    who: null,
    address,
    method: null,
    path: null,
    outcome: 'denied',
    status,
    code,
    requestId,
  };
}

function outcomeOf(status: number | null, denied: boolean): AuditLine['outcome'] {
  if (status === null) return 'aborted';
  if (denied) return 'denied';
  return status < 400 ? 'done' : 'failed';
}
