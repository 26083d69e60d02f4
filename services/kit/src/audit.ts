import type { Request } from 'express';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the only way Express offers to extend its request
  namespace Express {
    interface Request {
      /** The code of the problem it was answered with. */
      problemCode: string | undefined;
      /** Whether that was because of who sent it, or how much they ask for. */
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
  method: string;
  /** Without the query. */
  path: string;
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

function outcomeOf(status: number | null, denied: boolean): AuditLine['outcome'] {
  if (status === null) return 'aborted';
  if (denied) return 'denied';
  return status < 400 ? 'done' : 'failed';
}
