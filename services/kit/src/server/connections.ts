import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

export type Connection = ReturnType<typeof track>;

function track(socket: Socket) {
  // In the order the client reads them: it may send several requests ahead.
  const pending: ServerResponse[] = [];
  let latest: ServerResponse | undefined;
  let onSettled: () => void = () => undefined;
  let bytesRead = 0;
  let quietSince = performance.now();
  let unusedSince = performance.now();
  let unread: { response: ServerResponse; since: number } | undefined;
  const isSettled = () => pending.length === 0;
  const isReady = (response: ServerResponse) => response.writableEnded || socket.writableNeedDrain;
  return {
    socket,
    /** Read at once, so that Node.js caches it: audit lines need it after the close, when the socket has none. */
    address: socket.remoteAddress,
    /** Whether the operating system has taken every response completely. */
    isSettled,
    /** The response to a request that is still arriving, if its headers are not sent yet. */
    unfinishedResponse: () =>
      latest && !latest.req.complete && !latest.headersSent ? latest : undefined,
    whenSettled: (callback: () => void) => {
      if (isSettled()) callback();
      else onSettled = callback;
    },
    /** Milliseconds since a call of this function last saw new data. */
    quietMs: () => {
      const now = performance.now();
      if (socket.bytesRead !== bytesRead) quietSince = now;
      bytesRead = socket.bytesRead;
      return now - quietSince;
    },
    onRequest: (response: ServerResponse) => {
      pending.push(response);
      latest = response;
    },
    onResponseClosed: (response: ServerResponse) => {
      const i = pending.indexOf(response);
      if (i < 0) return;
      pending.splice(i, 1);
      if (!isSettled()) return;
      unusedSince = performance.now();
      onSettled();
    },
    /** Milliseconds since a request was last in progress. */
    unusedMs: () => (isSettled() ? performance.now() - unusedSince : 0),
    /** Milliseconds since a call of this function first saw the next response ready but unread. */
    unreadMs: () => {
      const now = performance.now();
      const [next] = pending;
      if (!next || !isReady(next)) unread = undefined;
      else if (unread?.response !== next) unread = { response: next, since: now };
      return unread ? now - unread.since : 0;
    },
    /** Emits `close` on every pending response. Node.js 20 does so only on the first, which therefore gets it twice. */
    onClosed: () => {
      for (const response of pending) response.emit('close');
    },
  };
}

export type Connections = ReadonlyMap<Duplex, Connection>;

/** How long a client has to send a request after it connects or gets a response. */
const MIN_UNUSED_MS = 1000;
const SWEEP_MS = 1000;

export interface ConnectionLimits {
  maxConnections: number;
  /** How long a connection may have no request in progress, in milliseconds. */
  unusedMs: number;
  /** How long a client may take to read what is ready for it, in milliseconds, however steadily it reads. */
  readMs: number;
}

/**
 * Tracks what is in progress on each connection: node:http calls a connection idle before its last response is sent.
 * Closes a connection that is unused or unread for too long. Above `maxConnections`, closes the one unused for longest,
 * else one whose client does not read, else the new one. Emits `close` on every response whose client leaves, even if
 * queued behind another.
 */
export function trackConnections(server: Server, limits: ConnectionLimits): Connections {
  const connections = new Map<Duplex, Connection>();
  // Connections to close for new ones; the last goes first. Computed at most once between two sweeps: anyone can open
  // new ones.
  let closeable: Connection[] | undefined;

  const isCloseable = (connection: Connection) =>
    connection.unusedMs() >= MIN_UNUSED_MS || connection.unreadMs() >= MIN_UNUSED_MS;
  const takeVictim = () => {
    closeable ??= [...connections.values()]
      .filter(isCloseable)
      .sort((a, b) => a.unusedMs() - b.unusedMs());
    for (let next = closeable.pop(); next; next = closeable.pop()) {
      if (connections.has(next.socket) && isCloseable(next)) return next;
    }
    return undefined;
  };
  const sweep = setInterval(() => {
    closeable = undefined;
    for (const { socket, unusedMs, unreadMs } of connections.values()) {
      if (unusedMs() >= limits.unusedMs || unreadMs() >= limits.readMs) socket.destroy();
    }
  }, SWEEP_MS).unref();
  server.once('close', () => {
    clearInterval(sweep);
  });

  server.on('connection', (socket) => {
    if (connections.size >= limits.maxConnections) {
      const victim = takeVictim();
      (victim?.socket ?? socket).destroy();
      if (!victim) return;
      connections.delete(victim.socket);
    }
    const connection = track(socket);
    connections.set(socket, connection);
    socket.once('close', () => {
      connections.delete(socket);
      connection.onClosed();
    });
  });
  const onResponseClosed = function (this: ServerResponse) {
    connections.get(this.req.socket)?.onResponseClosed(this);
  };
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    connections.get(req.socket)?.onRequest(res);
    res.on('close', onResponseClosed);
  });
  return connections;
}
