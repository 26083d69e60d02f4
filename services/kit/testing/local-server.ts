import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import type { Express } from 'express';
import { trackConnections } from '../src/server/connections';
import { serverOptions } from '../src/server/own-prototypes';

/** A server on 127.0.0.1, for one test. */
export interface LocalServer {
  url: string;
  port: number;
  /** Connections open now. */
  connections: () => number;
  close: () => Promise<void>;
}

/** Starts a real HTTP server on 127.0.0.1. */
export function startHttpServer(listener: RequestListener): Promise<LocalServer> {
  return listen(createServer({ keepAliveTimeout: 60_000 }, listener));
}

/** Starts an app of ours on 127.0.0.1. Its connections are treated as in a service, but without limits. */
export function startApp(app: Express): Promise<LocalServer> {
  const options = { ...serverOptions(app), keepAliveTimeout: 0, requireHostHeader: false };
  const server = createServer(options, app);
  trackConnections(server, { maxConnections: Infinity, unusedMs: Infinity, readMs: Infinity });
  return listen(server);
}

/** Starts a TCP server on 127.0.0.1, for responses that are not valid HTTP. */
export function startTcpServer(listener: (socket: Socket) => void): Promise<LocalServer> {
  return listen(createTcpServer(listener));
}

async function listen(server: Server): Promise<LocalServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    port,
    connections: () => sockets.size,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
