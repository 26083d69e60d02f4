import type { Request } from 'express';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Returns the audit line of a request that was denied or reached a route with an unsafe method, else undefined.
 *
 * @param status null if the client left before the response was sent
 */
export function auditLine(req: Request, status: number | null) {
  const { denied = false, problemCode: code } = req;
  const changes = req.route !== undefined && !SAFE_METHODS.has(req.method);
  if (!denied && !changes) return undefined;
  const result = status !== null && status < 400 ? 'done' : 'failed';
  return {
    who: req.principal?.subject ?? null,
    address: req.ip ?? null,
    method: req.method,
    path: req.path,
    outcome: status === null ? 'aborted' : denied ? 'denied' : result,
    status,
    ...(code !== undefined && { code }),
    requestId: req.requestId,
  };
}
