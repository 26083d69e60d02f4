import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import type { Running } from '../process/run';
import { StartError } from '../process/start-error';
import type { Logger } from '../telemetry/logger';
import { handleUnparsable } from './bad-request';
import { trackConnections } from './connections';
import { drain } from './drain';
import type { Lifecycle } from './lifecycle';
import { serverOptions } from './own-prototypes';
import type { ServerConfig } from './server-variables';

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
/** Connections that wait to be accepted, Linux's own limit. Beyond it, clients retry after 1, 3 and 7 seconds. */
const BACKLOG = 4096;
/** Of the request line and the headers together. */
const MAX_HEADER_BYTES = 16_384;

export type RunningServer = Awaited<ReturnType<typeof serve>>;

/** @throws {ListenError} */
export async function serve(options: {
  app: Express;
  lifecycle: Lifecycle;
  logger: Logger;
  config: Pick<ServerConfig, 'HOST' | 'PORT' | 'SHUTDOWN_DELAY_MS' | 'MAX_CONNECTIONS'>;
  timeouts?: Partial<typeof TIMEOUTS>;
}) {
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
  const { HOST: host, PORT } = config;
  server.listen({ port: PORT, host, backlog: BACKLOG });
  try {
    await once(server, 'listening');
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const reason = LISTEN_FAULTS[code] ?? `cannot be used: ${message}`;
    throw new ListenError(`port ${String(PORT)} on ${host} ${reason}`, { cause });
  }
  const { port } = server.address() as AddressInfo;
  logger.info({ host, port }, 'listening');
  let closing: Promise<void> | undefined;
  return {
    /** The requested port, or the one the system chose for 0. */
    port,
    /**
     * `/readyz` turns 503 at once; `SHUTDOWN_DELAY_MS` later the listener closes. Resolves when requests in progress
     * have their responses. Further calls return the same promise.
     */
    close: () => (closing ??= drain(server, connections, lifecycle, config.SHUTDOWN_DELAY_MS)),
  };
}

export class ListenError extends StartError {
  readonly code = 'listen-failed';
}

const LISTEN_FAULTS: Partial<Record<string, string>> = {
  EADDRINUSE: 'is already in use; stop the process that uses it or set PORT',
  EACCES: 'needs privileges this process does not have; set PORT to 1024 or above',
  EADDRNOTAVAIL: 'is not an address of this machine; set HOST',
  ENOTFOUND: 'is not an address of this machine; set HOST',
};

/** What a service consists of, and how it starts and ends. */
interface ServiceContext {
  logger: Logger;
  lifecycle: Lifecycle;
  /** Starts the workers. */
  start: () => void;
  /** Ends the waiting requests and the workers, while the server finishes its requests. */
  stop: () => Promise<void>;
  /** Closes the connections, after that. */
  close?: () => Promise<void>;
}

/**
 * Serves the app of a context, and starts its workers. Stops and closes the context if that fails.
 *
 * @throws {ListenError}
 */
export async function serveContext<Context extends ServiceContext>(
  context: Context,
  createApp: (context: Context) => Express,
  config: ServerConfig,
): Promise<Running> {
  const { logger, lifecycle, start, stop, close } = context;
  try {
    const server = await serve({ app: createApp(context), lifecycle, logger, config });
    start();
    return {
      logger,
      shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS,
      close: async () => {
        await Promise.all([server.close(), stop()]);
        await close?.();
      },
    };
  } catch (error) {
    await stop();
    await close?.();
    throw error;
  }
}
