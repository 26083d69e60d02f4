import type { Socket } from 'node:net';
import type { Request } from 'express';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the only way Express offers to extend its request
  namespace Express {
    interface Request {
      /** The code of the problem it was answered with. */
      problemCode: string | undefined;
      /** Whether that was to turn its sender away (see {@link AppError.denied}). */
      denied: boolean | undefined;
    }
  }
}

/** Who asked for what, and what came of it. */
interface AuditLine {
  /** The subject of the token; null without one. */
  who: string | null;
  /** Where from, as far as the proxies in front can be believed. */
  address: string | null;
  /** Null where nobody could read it. */
  method: string | null;
  /** Without the query; null where nobody could read it. */
  path: string | null;
  outcome: 'done' | 'denied' | 'failed' | 'aborted';
  /** Null where the caller was gone before the answer was. */
  status: number | null;
  code?: string;
  requestId: string;
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * What the audit log says of a request: of each that reached for something that changes, and of each that was denied; of
 * others, nothing.
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

/** Has a socket go on knowing its client's address: only an open one can find it out, and audit lines come after the close. */
export function rememberAddress({ remoteAddress }: Socket): string | undefined {
  return remoteAddress;
}

/** The same of bytes that are no request. */
export function unreadableAuditLine(
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
