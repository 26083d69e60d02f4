import type { Server } from 'node:http';
import { Server as TcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lifecycle } from './lifecycle';

/** How often connections without a request are looked for and closed, once nothing new is accepted. */
const SWEEP_INTERVAL_MS = 50;

/** The connections open now; `drain` needs to know those on which nothing was ever sent. */
export function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

/**
 * Ends a server without failing a request that it has accepted.
 *
 * A keep-alive connection that looks idle may have its next request already on the way, and closing it then would
 * reset the client. So every answer given from now on says `Connection: close` (the app sees to that); only
 * connections that stay silent are closed from this side, and only after the listener is.
 */
export async function drain(
  server: Server,
  sockets: ReadonlySet<Socket>,
  lifecycle: Lifecycle,
  delayMs: number,
): Promise<void> {
  lifecycle.draining = true;
  await sleep(delayMs);
  const closed = new Promise<void>((resolve) => {
    // Server.close of node:http would also cut the connections that look idle.
    TcpServer.prototype.close.call(server, () => {
      resolve();
    });
  });
  const sweep = setInterval(() => {
    server.closeIdleConnections();
    // To node:http a connection is not idle before its first request: one that is only kept open would stay.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  }, SWEEP_INTERVAL_MS);
  await closed;
  clearInterval(sweep);
}
