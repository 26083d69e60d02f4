import { randomUUID } from 'node:crypto';
import { IncomingMessage, ServerResponse, type ServerOptions } from 'node:http';
import express, { type Express, type Request, type Response } from 'express';
import { mountEndpoints, type Endpoint } from './endpoint';
import type { Lifecycle } from './lifecycle';
import type { Logger } from './logger';
import { describeProblem, RouteNotFoundError, type ProblemTable } from './problem';
import { replyProblem } from './reply';

const SANE_REQUEST_ID = /^[\w.:@=+/-]{1,128}$/;

/**
 * An Express application that gives every request an id and one log line, answers everything unexpected with a
 * problem document, and is served on its own prototypes (see {@link serverOptions}).
 */
export function createExpressApp(options: {
  logger: Logger;
  lifecycle: Lifecycle;
  problems: ProblemTable;
  endpoints: readonly Endpoint[];
}): Express {
  const { logger, lifecycle, problems, endpoints } = options;
  const app = express() as HandlingApp;
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  useOwnPrototypes(app, lifecycle);

  const logWhenClosed = function (this: Response) {
    logRequest(logger, this.req, this);
  };

  // Around `handle`, not in middleware: it sees every request, even those the router refuses to look at, at no layer's cost.
  const route = app.handle.bind(app);
  app.handle = (req: Request, res: Response) => {
    const sent = sentRequestId(req);
    req.requestId = sent !== undefined && SANE_REQUEST_ID.test(sent) ? sent : randomUUID();
    req.startedAt = performance.now();
    // One function for all requests: a closure and a once-wrapper for each cost as much as writing the log line.
    res.on('close', logWhenClosed);
    route(req, res, (error) => {
      answerProblem(error ?? new RouteNotFoundError('No route matches.'), req, res);
    });
  };
  mountEndpoints(app, endpoints);
  return app;

  function answerProblem(error: unknown, req: Request, res: Response): void {
    const described = describeProblem(error, problems, req.originalUrl);
    if (!described.expected)
      logger.error({ err: error, requestId: req.requestId }, 'request failed');
    if (res.headersSent) res.destroy();
    else replyProblem(res, described);
  }
}

/** Express's entry for every request, which its type declarations leave out. */
type HandlingApp = Express & {
  handle: (req: Request, res: Response, done: (error?: unknown) => void) => void;
};

/** Looked for among the raw headers: `req.headers` is built when it is first read, and most requests get by without. */
function sentRequestId({ rawHeaders }: Request): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 12 && name.toLowerCase() === 'x-request-id') return rawHeaders[i + 1];
  }
  return undefined;
}

function logRequest(logger: Logger, req: Request, res: Response): void {
  const line = {
    method: req.method,
    route: (req.route as { path: string } | undefined)?.path ?? null,
    status: res.statusCode,
    durationMs: Math.round((performance.now() - req.startedAt) * 1000) / 1000,
    requestId: req.requestId,
  };
  if (!res.writableFinished) logger.warn({ ...line, status: null }, 'request aborted');
  else if (res.statusCode >= 500) logger.warn(line, 'request');
  else logger.info(line, 'request');
}

/**
 * Express sets the prototype of every request and response, after which V8 treats each as a slow object. Objects that
 * are born with Express's own prototype make that call do nothing. Once a drain has begun, an answer ends its connection.
 */
function useOwnPrototypes(app: Express, lifecycle: Lifecycle): void {
  class OwnRequest extends IncomingMessage {}
  class OwnResponse extends ServerResponse {
    override writeHead(...args: unknown[]): this {
      if (lifecycle.draining) this.shouldKeepAlive = false;
      return super.writeHead(...(args as Parameters<ServerResponse['writeHead']>));
    }
  }
  app.request = adopt(OwnRequest.prototype, app.request);
  app.response = adopt(OwnResponse.prototype, app.response);
}

/** Copies onto `prototype` what Express defines: its methods, one level up, and its reference to the app. */
function adopt<T extends object>(prototype: object, expressPrototype: T): T {
  const methods = Object.getPrototypeOf(expressPrototype) as object;
  for (const source of [methods, expressPrototype]) {
    Object.defineProperties(prototype, Object.getOwnPropertyDescriptors(source));
  }
  return prototype as T;
}

/** What `http.createServer` needs so that its requests and responses already are the app's own. */
export function serverOptions(app: Express): ServerOptions {
  return {
    IncomingMessage: app.request.constructor as typeof IncomingMessage,
    ServerResponse: app.response.constructor as typeof ServerResponse,
  };
}
