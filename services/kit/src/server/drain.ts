import { once } from 'node:events';
import type { Server } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Connections } from './connections';
import type { Lifecycle } from './lifecycle';

const SWEEP_INTERVAL_MS = 50;
/** Closes a connection that has no response to send and has been silent for this long. */
const IDLE_MS = 50;
/** Closes a connection on which a request has stopped arriving for this long. */
const STALLED_MS = 1000;

/**
 * Ends a server without failing a request that it has accepted.
 *
 * A keep-alive connection that looks idle may have its next request on the way; closing it would reset the client. So
 * every response from now on says `Connection: close` (the app does that). This side closes only connections that stay
 * silent, and only after the listener is closed.
 */
export async function drain(
  server: Server,
  connections: Connections,
  lifecycle: Lifecycle,
  delayMs: number,
): Promise<void> {
  lifecycle.draining = true;
  await sleep(delayMs);
  const closed = once(server, 'close');
  // Server.close of node:http would also close connections that look idle.
  TcpServer.prototype.close.call(server);
  const sweep = setInterval(() => {
    for (const connection of connections.values()) {
      if (canClose(connection)) connection.socket.destroy();
    }
  }, SWEEP_INTERVAL_MS);
  await closed;
  clearInterval(sweep);
}

function canClose(connection: Connection): boolean {
  const quietMs = connection.quietMs();
  if (connection.unfinishedResponse()) return quietMs >= STALLED_MS;
  return connection.isSettled() && quietMs >= IDLE_MS;
}
