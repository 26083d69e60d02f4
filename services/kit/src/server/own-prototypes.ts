// Saves 73 % of the CPU of GET /offers on Node.js 20; see docs/performance.md and ADR 3.
import { IncomingMessage, ServerResponse, type ServerOptions } from 'node:http';
import type { Express, Request } from 'express';
import type { HeaderList } from '../problem/header-list';
import type { Lifecycle } from './lifecycle';
import { securityHeaders } from './security-headers';

/**
 * Express sets the prototype of every request and response, after which V8 treats each as a slow object. If an object
 * is created with Express's own prototype, that call does nothing. Also adds the headers of every response, and ends
 * the connection with a response once a drain has begun.
 */
export function useOwnPrototypes(app: Express, lifecycle: Lifecycle): void {
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

/** Whether the headers come from `send`, which lists them all: a list is the cheapest form (see header-list.ts). */
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
