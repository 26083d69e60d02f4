import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { trackConnections } from './connections';
import { drain } from './drain';
import type { ServerConfig } from './env';
import { serverOptions } from './express-app';
import type { Lifecycle } from './lifecycle';
import type { Logger } from './logger';
import { StartError } from './start-error';
import { answerUnreadable } from './unreadable';

/** How long a client may take over what, in milliseconds. */
const TIMEOUTS = {
  /** To send its headers, and its whole request: shorter than a shutdown may take. */
  headersMs: 5000,
  requestMs: 8000,
  /** How often these two are looked at. */
  checkMs: 1000,
  /** To read what is ready for it, however steadily it reads. */
  readMs: 60_000,
  /** To ask for something more: longer than Google's load balancers do (600 s), so that it is they who close. */
  unusedMs: 620_000,
};
/**
 * Connections that the kernel makes while nobody here has time to take them: of one more it says nothing, and the client
 * tries again after a second, three, seven. (The kernel has a limit of its own, 4096 on Linux.)
 */
const BACKLOG = 4096;
/** Of the request line and the headers together. */
const MAX_HEADER_BYTES = 16_384;

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
  config: Pick<ServerConfig, 'HOST' | 'PORT' | 'SHUTDOWN_DELAY_MS' | 'MAX_CONNECTIONS'>;
  timeouts?: Partial<typeof TIMEOUTS>;
}): Promise<RunningServer> {
  const { app, lifecycle, logger, config } = options;
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const server = createServer(
    {
      ...serverOptions(app),
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      connectionsCheckingInterval: timeouts.checkMs,
      // node:http would set a timer for each answer; the sweep of connections closes the unused ones.
      keepAliveTimeout: 0,
      // The app refuses a request without one; node:http would answer with no body and no log line.
      requireHostHeader: false,
    },
    app,
  );
  // An expectation that means nothing to a server may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (req, res) => server.emit('request', req, res));
  const connections = trackConnections(server, {
    maxConnections: config.MAX_CONNECTIONS,
    unusedMs: timeouts.unusedMs,
    readMs: timeouts.readMs,
  });
  answerUnreadable(server, connections, logger);
  await listen(server, config.HOST, config.PORT);
  const address = server.address() as AddressInfo;
  logger.info({ host: config.HOST, port: address.port }, 'listening');
  let closing: Promise<void> | undefined;
  return {
    port: address.port,
    close: () => (closing ??= drain(server, connections, lifecycle, config.SHUTDOWN_DELAY_MS)),
  };
}

/** The address cannot be listened on. */
export class ListenError extends StartError {
  readonly code = 'listen-failed';
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
    server.listen({ port, host, backlog: BACKLOG }, resolve);
  });
}
