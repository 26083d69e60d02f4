import type { Server } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Connections } from './connections';
import type { Lifecycle } from './lifecycle';

/** How often connections that have nothing left to do are looked for and closed, once nothing new is accepted. */
const SWEEP_INTERVAL_MS = 50;
/** A connection is let go when no answer is owed on it and nothing has arrived for this long. */
const IDLE_MS = 50;
/** So is one on which a request was begun, when no more of it has arrived for this long. */
const STALLED_MS = 1000;

/**
 * Ends a server without failing a request that it has accepted.
 *
 * A keep-alive connection that looks idle may have its next request already on the way, and closing it then would
 * reset the client. So every answer given from now on says `Connection: close` (the app sees to that); only
 * connections that stay silent are closed from this side, and only after the listener is.
 */
export async function drain(
  server: Server,
  connections: Connections,
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
    for (const connection of connections.values()) {
      if (hasNothingLeft(connection)) connection.socket.destroy();
    }
  }, SWEEP_INTERVAL_MS);
  await closed;
  clearInterval(sweep);
}

function hasNothingLeft(connection: Connection): boolean {
  const quietMs = connection.quietMs();
  if (connection.answerToUnfinished()) return quietMs >= STALLED_MS;
  return connection.isAnswered() && quietMs >= IDLE_MS;
}
