import { randomUUID } from 'node:crypto';
import { parse } from 'node:querystring';
import express, { type Express, type Request, type Response } from 'express';
import { createAdmission, releaseSlot, type Admission } from '../admission/admission';
import { allowOf, mountEndpoints, type Endpoint } from './endpoint';
import { auditLine } from './audit';
import { allowOrigins } from './cors';
import type { Lifecycle } from './lifecycle';
import type { Logger } from '../telemetry/logger';
import { headerLines } from '../problem/header-list';
import { AppError } from '../problem/app-error';
import { describeProblem, MAX_URL_LENGTH, type ProblemTable } from '../problem/problem';
import { RequestError } from './request-errors';
import { useOwnPrototypes } from './own-prototypes';
import { sendEmpty, sendProblem } from './responses';
import { countDenied, logRequest, type ServedRequest } from '../telemetry/requests';

const SANE_REQUEST_ID = /^[\w.:@=+/-]{1,128}$/;

export interface ExpressAppOptions {
  logger: Logger;
  lifecycle: Lifecycle;
  problems: ProblemTable;
  endpoints: readonly Endpoint[];
  /** Default: admits everyone. */
  admission?: Admission;
  /** How many reverse proxies are trusted to name the client's address. Default: none. */
  trustedProxies?: number;
  /** The origins whose pages may call the endpoints. Default: none. */
  corsOrigins?: readonly string[] | undefined;
  /** Called with every request once it is over. */
  observe?: (request: ServedRequest) => void;
}

/**
 * Creates an Express application that gives every request an id and one log line, and responds to everything unexpected
 * with a problem document. It must be served on its own prototypes (see {@link serverOptions}) by a server with
 * `trackConnections`, which reports clients that leave.
 */
export function createExpressApp(options: ExpressAppOptions): Express {
  const { logger, lifecycle, problems, endpoints, corsOrigins, observe } = options;
  const { admission = createAdmission(), trustedProxies = 0 } = options;
  const app = express() as HandlingApp;
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', parseQuery);
  app.set('trust proxy', trustedProxies);
  useOwnPrototypes(app, lifecycle);

  // One function for all requests: a closure and a once-wrapper for each cost as much as writing the log line.
  const whenClosed = function (this: Response) {
    // A response gets `close` twice if it was the next one when its client left (see connections.ts).
    if (this.req.isFinished) return;
    this.req.isFinished = true;
    if (!this.req.isHandlerRunning) releaseSlot(this.req);
    const request = describeRequest(this.req, this);
    logRequest(logger, request);
    const audit = auditLine(this.req, request.status);
    if (audit) logger.info({ audit }, 'audit');
    observe?.(request);
  };

  const allow = allowOf(endpoints);
  const route = app.handle.bind(app);
  const handleRequest = (req: Request, res: Response) => {
    const fault = faultOf(req);
    if (fault) respondWithProblem(fault, req, res);
    // Asks about the server as a whole (RFC 9110, section 9.3.7).
    else if (req.url === '*') sendEmpty(res, ['Allow', allow]);
    else {
      route(req, res, (error) => {
        respondWithProblem(error ?? new RequestError('route-not-found'), req, res);
      });
    }
  };
  const crossOrigin = corsOrigins && allowOrigins(corsOrigins, endpoints);
  // Unlike middleware, this sees every request, even those the router refuses, without the cost of a layer.
  app.handle = (req: Request, res: Response) => {
    const sentId = headerLines(req, 'x-request-id').at(-1);
    req.requestId = sentId !== undefined && SANE_REQUEST_ID.test(sentId) ? sentId : randomUUID();
    req.startedAt = performance.now();
    res.on('close', whenClosed);
    if (!crossOrigin) handleRequest(req, res);
    else {
      void crossOrigin(req, res, () => {
        handleRequest(req, res);
      });
    }
  };
  mountEndpoints(app, endpoints, admission);
  return app;

  function respondWithProblem(error: unknown, req: Request, res: Response): void {
    const described = describeProblem(error, problems, req.originalUrl);
    req.problemCode = described.problem.code;
    req.denied = error instanceof AppError && error.denied;
    if (req.denied) countDenied(req.problemCode);
    if (!described.expected)
      logger.error({ err: error, requestId: req.requestId }, 'request failed');
    if (res.headersSent) res.destroy();
    else sendProblem(res, described);
  }
}

/** Express's entry for every request, which its types leave out. */
type HandlingApp = Express & {
  handle: (req: Request, res: Response, done: (error?: unknown) => void) => void;
};

/** Finds what is wrong with a request target or `Host`, but accepted by node:http. */
function faultOf(req: Request): RequestError | undefined {
  const { url, method, httpVersionMinor } = req;
  const hosts = headerLines(req, 'host').length;
  // Exactly one `Host` (RFC 9112, section 3.2); HTTP/1.0 needs none.
  if (hosts > 1 || (hosts === 0 && httpVersionMinor > 0)) {
    return new RequestError('malformed-request', 'A request must have exactly one Host header.');
  }
  if (url.length > MAX_URL_LENGTH) return new RequestError('uri-too-long');
  if (url === '*' && method !== 'OPTIONS') return new RequestError('malformed-request');
  return undefined;
}

/** @throws {RequestError} where node:querystring would replace what is not UTF-8 */
function parseQuery(text: string | null) {
  try {
    decodeURIComponent(text ?? '');
  } catch {
    throw new RequestError('malformed-request', 'The query must be UTF-8, percent-encoded.');
  }
  // All keys: otherwise, an unknown parameter could hide behind a thousand others.
  return parse(text ?? '', '&', '=', { maxKeys: 0 });
}

function describeRequest(req: Request, res: Response): ServedRequest {
  // Node.js 20 also calls a response finished if its connection broke halfway.
  const isSent = res.writableFinished && !req.socket.destroyed;
  const route = (req.route as { path: string } | undefined)?.path ?? null;
  return {
    method: req.method,
    route,
    status: isSent ? res.statusCode : null,
    durationMs: Math.round((performance.now() - req.startedAt) * 1000) / 1000,
    requestId: req.requestId,
    ...(route === null && { path: shownPath(req.originalUrl) }),
  };
}

/**
 * Drops the query and any user information, which may be secret, and what is beyond 200 characters. Escapes control
 * characters, which a terminal would interpret.
 */
function shownPath(url: string): string {
  const path = /^\/[^?#]*/.exec(url)?.[0] ?? '';
  return path.slice(0, 200).replace(/[^!-~]/g, (char) => encodeURIComponent(char));
}
