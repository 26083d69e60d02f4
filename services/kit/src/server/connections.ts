import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { rememberAddress } from './audit';

/** The state of one connection. */
export interface Connection {
  socket: Socket;
  /** Whether the operating system has taken every response completely. */
  isAnswered: () => boolean;
  /** The response to a request that is still arriving, if its headers are not sent yet. */
  answerToUnfinished: () => ServerResponse | undefined;
  /** Calls back once every request has its response: at once, if they all have. */
  whenAnswered: (then: () => void) => void;
  /** Milliseconds since data last arrived, as far as calls of this function can tell. */
  quietMs: () => number;
}

interface TrackedConnection extends Connection {
  requested: (answer: ServerResponse) => void;
  answered: (answer: ServerResponse) => void;
  /** Milliseconds since a request was last in progress. */
  unusedMs: () => number;
  /** Milliseconds for which its next response has been ready and unread, as far as calls of this function can tell. */
  unreadMs: () => number;
  /** Emits `close` on the responses that were not sent. */
  closed: () => void;
}

function track(socket: Socket): TrackedConnection {
  // In the order the client reads them: it may send several requests ahead.
  const owed: ServerResponse[] = [];
  let latest: ServerResponse | undefined;
  let onAnswered: () => void = () => undefined;
  let bytesRead = 0;
  let quietSince = performance.now();
  let unusedSince = performance.now();
  let unread: { answer: ServerResponse; since: number } | undefined;
  const isAnswered = () => owed.length === 0;
  const isReady = (answer: ServerResponse) => answer.writableEnded || socket.writableNeedDrain;
  return {
    socket,
    isAnswered,
    answerToUnfinished: () =>
      latest && !latest.req.complete && !latest.headersSent ? latest : undefined,
    whenAnswered: (then) => {
      if (isAnswered()) then();
      else onAnswered = then;
    },
    quietMs: () => {
      const now = performance.now();
      if (socket.bytesRead !== bytesRead) quietSince = now;
      bytesRead = socket.bytesRead;
      return now - quietSince;
    },
    requested: (answer) => {
      owed.push(answer);
      latest = answer;
    },
    answered: (answer) => {
      const i = owed.indexOf(answer);
      if (i < 0) return;
      owed.splice(i, 1);
      if (!isAnswered()) return;
      unusedSince = performance.now();
      onAnswered();
    },
    unusedMs: () => (isAnswered() ? performance.now() - unusedSince : 0),
    unreadMs: () => {
      const now = performance.now();
      const [next] = owed;
      if (!next || !isReady(next)) unread = undefined;
      else if (unread?.answer !== next) unread = { answer: next, since: now };
      return unread ? now - unread.since : 0;
    },
    closed: () => {
      // Node.js 20 itself emits `close` only on the first of them, which therefore gets it twice.
      for (const answer of owed) answer.emit('close');
    },
  };
}

/** The open connections of a server. */
export type Connections = ReadonlyMap<Duplex, Connection>;

/** How long a client has to send a request after it connects or gets a response. */
const MIN_UNUSED_MS = 1000;
/** How often all connections are checked. */
const SWEEP_MS = 1000;

/** How many connections may be open, and for how long. */
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
 * queued behind another. Makes sockets remember their client's address.
 */
export function trackConnections(server: Server, limits: ConnectionLimits): Connections {
  const connections = new Map<Duplex, TrackedConnection>();
  // Connections to close for new ones; the last goes first. Computed at most once between two sweeps: anyone can open
  // new ones.
  let expendable: TrackedConnection[] | undefined;

  const isExpendable = (connection: TrackedConnection) =>
    connection.unusedMs() >= MIN_UNUSED_MS || connection.unreadMs() >= MIN_UNUSED_MS;
  const takeExpendable = () => {
    expendable ??= [...connections.values()]
      .filter(isExpendable)
      .sort((a, b) => a.unusedMs() - b.unusedMs());
    let connection = expendable.pop();
    while (connection && !(connections.has(connection.socket) && isExpendable(connection))) {
      connection = expendable.pop();
    }
    return connection;
  };
  const sweep = setInterval(() => {
    expendable = undefined;
    for (const { socket, unusedMs, unreadMs } of connections.values()) {
      if (unusedMs() >= limits.unusedMs || unreadMs() >= limits.readMs) socket.destroy();
    }
  }, SWEEP_MS).unref();
  server.once('close', () => {
    clearInterval(sweep);
  });

  server.on('connection', (socket) => {
    if (connections.size >= limits.maxConnections) {
      const expended = takeExpendable();
      (expended?.socket ?? socket).destroy();
      if (!expended) return;
      connections.delete(expended.socket);
    }
    rememberAddress(socket);
    const connection = track(socket);
    connections.set(socket, connection);
    socket.once('close', () => {
      connections.delete(socket);
      connection.closed();
    });
  });
  const answered = function (this: ServerResponse) {
    connections.get(this.req.socket)?.answered(this);
  };
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    connections.get(req.socket)?.requested(res);
    res.on('close', answered);
  });
  return connections;
}
