import { randomUUID } from 'node:crypto';
import { IncomingMessage, ServerResponse, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Response } from 'express';
import type { Connections } from './connections';
import type { Logger } from '../telemetry/logger';
import { describeProblem, kitProblems } from '../problem/problem';
import { RequestError } from './request-errors';
import { sendProblem } from './responses';

/**
 * Responds with a problem document to bytes that are not a request, or to a request that does not arrive in time, and
 * ends the connection. Sends the responses to earlier requests first: the client reads them in order.
 */
export function handleUnparsable(server: Server, connections: Connections, logger: Logger): void {
  const refused = new WeakSet<Duplex>();

  const refuse = (error: NodeJS.ErrnoException, socket: Duplex) => {
    const connection = connections.get(socket);
    if (!connection || error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    // The parser reports errors for as long as bytes arrive.
    if (refused.has(socket)) return;
    refused.add(socket);
    const described = describeProblem(asProblem(error), kitProblems);
    const response = connection.unfinishedResponse();
    if (response) {
      response.shouldKeepAlive = false;
      Object.assign(response.req, { problemCode: described.problem.code, denied: true });
      sendProblem(response as Response, described);
      return;
    }
    connection.whenSettled(() => {
      if (!socket.writable) return;
      const { status, code } = described.problem;
      const requestId = randomUUID();
      logger.info({ method: null, route: null, status, requestId }, 'request');
      const { address = null } = connection;
      const unknown = { who: null, method: null, path: null };
      const audit = { ...unknown, address, outcome: 'denied', status, code, requestId };
      logger.info({ audit }, 'audit');
      const req = Object.assign(new IncomingMessage(connection.socket), { requestId });
      const res = new ServerResponse(req);
      res.shouldKeepAlive = false;
      res.assignSocket(connection.socket);
      // Does not wait for the client to close: it may never read.
      res.once('finish', () => socket.end(() => socket.destroy()));
      sendProblem(res as Response, described);
    });
  };

  server.on('clientError', refuse);
  server.on('connect', (_req, socket) => {
    // Node.js removes its own error listener from the socket of a CONNECT request.
    socket.on('error', () => socket.destroy());
    refuse(new Error('CONNECT is for proxies'), socket);
  });
}

function asProblem({ code }: NodeJS.ErrnoException) {
  if (code === 'HPE_HEADER_OVERFLOW') return new RequestError('headers-too-large');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new RequestError('request-timeout');
  return new RequestError('malformed-request');
}
