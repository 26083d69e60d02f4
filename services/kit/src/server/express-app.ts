import { randomUUID } from 'node:crypto';
import { IncomingMessage, ServerResponse, type ServerOptions } from 'node:http';
import express, { type Express, type Request, type Response } from 'express';
import { createAdmission, releaseSlotUnlessHandling, type Admission } from '../admission/admission';
import { mountEndpoints, type Endpoint } from './endpoint';
import { auditLine } from './audit';
import type { HeaderList } from '../problem/header-list';
import type { Lifecycle } from './lifecycle';
import type { Logger } from '../telemetry/logger';
import { AppError } from '../problem/app-error';
import { describeProblem, type ProblemTable } from '../problem/problem';
import {
  MalformedRequestError,
  MAX_URL_LENGTH,
  RouteNotFoundError,
  UriTooLongError,
} from './request-errors';
import { replyProblem, securityHeaders } from './reply';
import type { ServedRequest } from '../telemetry/request-durations';
import { createRequestLog, type RequestLine } from '../telemetry/request-log';

const SANE_REQUEST_ID = /^[\w.:@=+/-]{1,128}$/;

/** What an application consists of. */
export interface ExpressAppOptions {
  logger: Logger;
  lifecycle: Lifecycle;
  problems: ProblemTable;
  endpoints: readonly Endpoint[];
  /** Default: admits everyone. */
  admission?: Admission;
  /** How many reverse proxies are trusted to name the client's address. Default: none. */
  trustedProxies?: number;
  /** Called with every request once it is over. */
  observe?: (request: ServedRequest) => void;
}

/**
 * Creates an Express application that gives every request an id and one log line, and responds to everything unexpected
 * with a problem document. It must be served on its own prototypes (see {@link serverOptions}) by a server with
 * `trackConnections`, which reports clients that leave.
 */
export function createExpressApp(options: ExpressAppOptions): Express {
  const { logger, lifecycle, problems, endpoints, observe } = options;
  const { admission = createAdmission(), trustedProxies = 0 } = options;
  const logRequest = createRequestLog(logger);
  const app = express() as HandlingApp;
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.set('trust proxy', trustedProxies);
  useOwnPrototypes(app, lifecycle);

  // One function for all requests: a closure and a once-wrapper for each cost as much as writing the log line.
  const whenClosed = function (this: Response) {
    // A response gets `close` twice if it was the next one when its client left (see connections.ts).
    if (this.req.isFinished) return;
    this.req.isFinished = true;
    releaseSlotUnlessHandling(this.req);
    const request = describeRequest(this.req, this);
    logRequest(request);
    const audit = auditLine(this.req, request.status);
    if (audit) logger.info({ audit }, 'audit');
    observe?.(request);
  };

  // Wraps `handle` instead of adding middleware: it sees every request, even those the router refuses, without the cost
  // of a layer.
  const route = app.handle.bind(app);
  app.handle = (req: Request, res: Response) => {
    const { hosts, requestId: sent } = scanHeaders(req);
    req.requestId = sent !== undefined && SANE_REQUEST_ID.test(sent) ? sent : randomUUID();
    req.startedAt = performance.now();
    res.on('close', whenClosed);
    if (hosts !== 1 && (hosts > 1 || req.httpVersionMinor > 0)) {
      respondWithProblem(
        new MalformedRequestError('A request must have exactly one Host header.'),
        req,
        res,
      );
      return;
    }
    if (req.url.length > MAX_URL_LENGTH) {
      respondWithProblem(new UriTooLongError(), req, res);
      return;
    }
    route(req, res, (error) => {
      respondWithProblem(error ?? new RouteNotFoundError('No route matches.'), req, res);
    });
  };
  mountEndpoints(app, endpoints, admission);
  return app;

  function respondWithProblem(error: unknown, req: Request, res: Response): void {
    const described = describeProblem(error, problems, req.originalUrl);
    req.problemCode = described.problem.code;
    req.denied = error instanceof AppError && error.denied;
    if (!described.expected)
      logger.error({ err: error, requestId: req.requestId }, 'request failed');
    if (res.headersSent) res.destroy();
    else replyProblem(res, described);
  }
}

/** Express's entry for every request, which its types leave out. */
type HandlingApp = Express & {
  handle: (req: Request, res: Response, done: (error?: unknown) => void) => void;
};

/**
 * Finds the client's request id and counts the `Host` lines (RFC 9112, section 3.2, requires exactly one). Scans the
 * raw headers: `req.headers` is built on first use, and most requests do without it.
 */
function scanHeaders({ rawHeaders }: Request): { requestId: string | undefined; hosts: number } {
  let requestId: string | undefined;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
    else if (name.length === 12 && name.toLowerCase() === 'x-request-id') {
      requestId = rawHeaders[i + 1];
    }
  }
  return { requestId, hosts };
}

function describeRequest(req: Request, res: Response): RequestLine {
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

/** The length at which the log cuts a path that no route matches. */
const MAX_PATH = 200;

/**
 * Drops the query and any user information, which may be secret. Escapes control characters, which a terminal could
 * obey.
 */
function shownPath(url: string): string {
  const path = /^\/[^?#]*/.exec(url)?.[0] ?? '';
  return path.slice(0, MAX_PATH).replace(/[^!-~]/g, (char) => encodeURIComponent(char));
}

/**
 * Express sets the prototype of every request and response, after which V8 treats each as a slow object. If an object
 * is created with Express's own prototype, that call does nothing. Every response carries the rate-limit headers of its
 * request, and ends its connection once a drain has begun.
 */
function useOwnPrototypes(app: Express, lifecycle: Lifecycle): void {
  class OwnRequest extends IncomingMessage {}
  class OwnResponse extends ServerResponse {
    override writeHead(...args: unknown[]): this {
      if (lifecycle.draining) this.shouldKeepAlive = false;
      const { quotaHeaders, requestId } = this.req as Request;
      if (!isComplete(args[1])) {
        addMissing(this, [...securityHeaders, 'X-Request-Id', requestId, ...(quotaHeaders ?? [])]);
      } else if (quotaHeaders) args[1] = args[1].concat(quotaHeaders);
      return super.writeHead(...(args as Parameters<ServerResponse['writeHead']>));
    }
  }
  app.request = adopt(OwnRequest.prototype, app.request);
  app.response = adopt(OwnResponse.prototype, app.response);
}

/** Whether the headers come from `reply`, which lists them all: a list is the cheapest form (see header-list.ts). */
function isComplete(headers: unknown): headers is HeaderList {
  return Array.isArray(headers) && headers.includes('X-Request-Id');
}

/** For a response in Express's own way (`res.json`, a stream, middleware): keeps headers that are already set. */
function addMissing(res: ServerResponse, headers: HeaderList): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (!res.hasHeader(headers[i]!)) res.setHeader(headers[i]!, headers[i + 1]!);
  }
}

/** Copies onto `prototype` what Express defines: its methods, one level up, and its reference to the app. */
function adopt<T extends object>(prototype: object, expressPrototype: T): T {
  const methods = Object.getPrototypeOf(expressPrototype) as object;
  for (const source of [methods, expressPrototype]) {
    Object.defineProperties(prototype, Object.getOwnPropertyDescriptors(source));
  }
  return prototype as T;
}

/** Options for `http.createServer` that create its requests and responses as the app's own. */
export function serverOptions(app: Express): ServerOptions {
  return {
    IncomingMessage: app.request.constructor as typeof IncomingMessage,
    ServerResponse: app.response.constructor as typeof ServerResponse,
  };
}
