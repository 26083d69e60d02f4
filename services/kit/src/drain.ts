import type { Server } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lifecycle } from './lifecycle';

/** How long a connection may stay silent, once nothing new is accepted, before it is taken to be idle. */
const IDLE_AFTER_MS = 50;

/**
 * Ends a server without failing a request that it has accepted.
 *
 * A keep-alive connection that looks idle may have its next request already on the way, and closing it then would
 * reset the client. So every answer given from now on says `Connection: close` (the app sees to that); only connections that stay silent
 * are closed from this side, and only after the listener is.
 */
export async function drain(server: Server, lifecycle: Lifecycle, delayMs: number): Promise<void> {
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
  }, IDLE_AFTER_MS);
  await closed;
  clearInterval(sweep);
}
