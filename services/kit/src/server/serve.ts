import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { trackConnections } from './connections';
import { drain } from './drain';
import type { ServerConfig } from './server-variables';
import { serverOptions } from './own-prototypes';
import type { Lifecycle } from './lifecycle';
import type { Logger } from '../telemetry/logger';
import { StartError } from '../process/start-error';
import { handleUnparsable } from './bad-request';

/** How long a client may take, in milliseconds. */
const TIMEOUTS = {
  /** To send its headers, and its whole request: shorter than a shutdown may take. */
  headersMs: 5000,
  requestMs: 8000,
  /** How often these two are checked. */
  checkMs: 1000,
  /** To read what is ready for it, however steadily it reads. */
  readMs: 60_000,
  /** To send another request: longer than Google's load balancers wait (600 s), so that they close first. */
  unusedMs: 620_000,
};
/**
 * Connections that the kernel holds until the process accepts them. It ignores any beyond that, and the client retries
 * after one, three and seven seconds. (The kernel has a limit of its own, 4096 on Linux.)
 */
const BACKLOG = 4096;
/** Of the request line and the headers together. */
const MAX_HEADER_BYTES = 16_384;

/** A listening server. */
export interface RunningServer {
  /** The port it listens on: the requested one, or the one the system chose for 0. */
  port: number;
  /**
   * Stops: `/readyz` turns 503 at once; `SHUTDOWN_DELAY_MS` later the listener closes; requests in progress get their
   * responses. Resolves when the last connection is closed. Further calls return the same promise.
   */
  close: () => Promise<void>;
}

/**
 * Serves an app over HTTP/1.1.
 *
 * @throws {ListenError} if the server cannot listen on the address.
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
      // node:http would set a timer for each response; the sweep of connections closes unused ones.
      keepAliveTimeout: 0,
      // The app rejects a request without one; node:http would respond with no body and no log line.
      requireHostHeader: false,
    },
    app,
  );
  // A server may ignore an expectation that it does not know (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (req, res) => server.emit('request', req, res));
  const connections = trackConnections(server, {
    maxConnections: config.MAX_CONNECTIONS,
    unusedMs: timeouts.unusedMs,
    readMs: timeouts.readMs,
  });
  handleUnparsable(server, connections, logger);
  await listen(server, config.HOST, config.PORT);
  const address = server.address() as AddressInfo;
  logger.info({ host: config.HOST, port: address.port }, 'listening');
  let closing: Promise<void> | undefined;
  return {
    port: address.port,
    close: () => (closing ??= drain(server, connections, lifecycle, config.SHUTDOWN_DELAY_MS)),
  };
}

/** The server cannot listen on the address. */
export class ListenError extends StartError {
  readonly code = 'listen-failed';
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reasons: Partial<Record<string, string>> = {
        EADDRINUSE: 'is already in use; stop the process that uses it or set PORT',
        EACCES: 'needs privileges this process does not have; set PORT to 1024 or above',
        EADDRNOTAVAIL: 'is not an address of this machine; set HOST',
        ENOTFOUND: 'is not an address of this machine; set HOST',
      };
      const reason = reasons[error.code ?? ''] ?? `cannot be used: ${error.message}`;
      reject(new ListenError(`port ${String(port)} on ${host} ${reason}`, { cause: error }));
    });
    server.listen({ port, host, backlog: BACKLOG }, resolve);
  });
}
