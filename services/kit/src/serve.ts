import { randomUUID } from 'node:crypto';
import { createServer, STATUS_CODES, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import type { ServerConfig } from './env';
import { serverOptions } from './express-app';
import type { Lifecycle } from './lifecycle';
import { problemType } from './problem';
import { dataHeaders } from './reply';
import type { HeaderList } from './header-list';
import { drain, trackSockets } from './drain';
import type { Logger } from './logger';

/** Longest time for a client to send its headers, and its whole request: shorter than a shutdown may take. */
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 8000;
const TIMEOUT_CHECK_MS = 1000;
/** Longer than the idle timeout of Google's load balancers (600 s), so that it is they who close idle connections. */
const KEEP_ALIVE_TIMEOUT_MS = 620_000;

/** A server that listens. */
export interface RunningServer {
  /** The port listened on: the one asked for, or the one the system chose for 0. */
  port: number;
  /**
   * Stops: `/readyz` turns 503 at once; `SHUTDOWN_DELAY_MS` later the listener closes; requests in flight are answered.
   * Resolves when the last connection is closed. Calling it again returns the same promise.
   */
  close: () => Promise<void>;
}

/**
 * Serves an app over HTTP/1.1.
 *
 * @throws {ListenError} where the port is taken or not allowed.
 */
export async function serve(options: {
  app: Express;
  lifecycle: Lifecycle;
  logger: Logger;
  config: Pick<ServerConfig, 'HOST' | 'PORT' | 'SHUTDOWN_DELAY_MS'>;
}): Promise<RunningServer> {
  const { app, lifecycle, logger, config } = options;
  const server = createServer(
    {
      ...serverOptions(app),
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    app,
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    answerUnreadable(error, socket, logger);
  });
  const openSockets = trackSockets(server);
  await listen(server, config.HOST, config.PORT);
  const address = server.address() as AddressInfo;
  logger.info({ host: config.HOST, port: address.port }, 'listening');
  let closing: Promise<void> | undefined;
  return {
    port: address.port,
    close: () => (closing ??= drain(server, openSockets, lifecycle, config.SHUTDOWN_DELAY_MS)),
  };
}

/** The address cannot be listened on. The message is one line for the person who started the process. */
export class ListenError extends Error {
  readonly code = 'listen-failed';
  override readonly name = 'ListenError';
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reasons: Partial<Record<string, string>> = {
        EADDRINUSE: 'is already in use; stop what uses it or set PORT',
        EACCES: 'needs privileges this process does not have; set PORT to 1024 or above',
        EADDRNOTAVAIL: 'is not an address of this machine; set HOST',
        ENOTFOUND: 'is not an address of this machine; set HOST',
      };
      const reason = reasons[error.code ?? ''] ?? `cannot be listened on: ${error.message}`;
      reject(new ListenError(`port ${String(port)} on ${host} ${reason}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

/** Answers bytes that are not HTTP, or not in time; the parser gives us nothing but the socket. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex, logger: Logger): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = unreadableStatus[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? '';
  const requestId = randomUUID();
  logger.info({ method: null, route: null, status, requestId }, 'request');
  const body = JSON.stringify({
    type: problemType('malformed-request'),
    title,
    status,
    detail: 'This is not a request that HTTP/1.1 allows here.',
    code: 'malformed-request',
  });
  const headers: HeaderList = [
    ...['Content-Type', 'application/problem+json'],
    ...['Content-Length', String(Buffer.byteLength(body))],
    ...['X-Request-Id', requestId],
    ...['Connection', 'close'],
    ...dataHeaders,
  ];
  const lines = headers.map((text, i) => (i % 2 === 0 ? `${text}: ` : `${text}\r\n`));
  const answer = `HTTP/1.1 ${String(status)} ${title}\r\n${lines.join('')}\r\n${body}`;
  // Destroyed, not left to the client to close: it may be one that never reads.
  socket.end(answer, () => socket.destroy());
}

const unreadableStatus: Partial<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};
