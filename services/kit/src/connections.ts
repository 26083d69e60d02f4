import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

/** What is under way on one connection. */
export interface Connection {
  socket: Socket;
  /** Whether the operating system has every answer that was asked for, to its last byte. */
  isAnswered: () => boolean;
  /** The answer to the request that is still arriving, if there is such a request and nothing of the answer is sent. */
  answerToUnfinished: () => ServerResponse | undefined;
  /** Calls back once everything that was asked is answered: now, if it is. */
  whenAnswered: (then: () => void) => void;
  /** For how many milliseconds nothing has arrived, as far as calls of this function can tell. */
  quietMs: () => number;
}

interface TrackedConnection extends Connection {
  requested: (answer: ServerResponse) => void;
  answered: (answer: ServerResponse) => void;
  /** Since when no request has been under way on it, on the clock of `performance.now()`. */
  unusedSince: number;
  /** For how many milliseconds its answers have been ready and not read, as far as calls of this function can tell. */
  unreadMs: () => number;
}

function track(socket: Socket): TrackedConnection {
  // A client may send several requests ahead.
  const owed = new Set<ServerResponse>();
  let latest: ServerResponse | undefined;
  let onAnswered: () => void = () => undefined;
  let bytesRead = 0;
  let quietSince = performance.now();
  let unreadSince: number | undefined;
  const isAnswered = () => owed.size === 0;
  const isUnread = () => !isAnswered() && [...owed].every((answer) => answer.writableEnded);
  const connection: TrackedConnection = {
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
      owed.add(answer);
      latest = answer;
    },
    answered: (answer) => {
      owed.delete(answer);
      if (!isAnswered()) return;
      connection.unusedSince = performance.now();
      onAnswered();
    },
    unusedSince: performance.now(),
    unreadMs: () => {
      const now = performance.now();
      unreadSince = isUnread() ? (unreadSince ?? now) : undefined;
      return unreadSince === undefined ? 0 : now - unreadSince;
    },
  };
  return connection;
}

/** The connections of a server that are open now. */
export type Connections = ReadonlyMap<Duplex, Connection>;

/** Whoever has just connected, or been answered, has this long to ask for something. */
const MIN_UNUSED_MS = 1000;
/** How often connections are looked at whose clients may not be reading. */
const SWEEP_MS = 1000;

/**
 * Follows what is under way on each connection: node:http calls one idle whose last answer is not yet sent. For one more
 * than `maxConnections` the one unused for longest is closed, else one whose client does not read its answers; where all
 * are in use, the new one. A client that has not read its answers after `readTimeoutMs` is let go, however slowly it reads.
 */
export function trackConnections(
  server: Server,
  { maxConnections, readTimeoutMs }: { maxConnections: number; readTimeoutMs: number },
): Connections {
  const connections = new Map<Duplex, TrackedConnection>();
  // In the order in which they fell idle, so that the first is the one unused for longest.
  const idle = new Set<TrackedConnection>();
  // The others: few, where most are idle, and so soon looked at.
  const inUse = new Set<TrackedConnection>();
  let unread: TrackedConnection[] = [];

  const forget = (connection: TrackedConnection) => {
    connections.delete(connection.socket);
    idle.delete(connection);
    inUse.delete(connection);
  };
  const leastUsed = () => {
    const [first] = idle;
    if (first && performance.now() - first.unusedSince >= MIN_UNUSED_MS) return first;
    unread = unread.filter(
      ({ socket, unreadMs }) => connections.has(socket) && unreadMs() >= MIN_UNUSED_MS,
    );
    return unread.shift();
  };
  const sweep = setInterval(() => {
    unread = [...inUse].filter(({ unreadMs }) => unreadMs() >= MIN_UNUSED_MS);
    for (const { socket, unreadMs } of unread) {
      if (unreadMs() >= readTimeoutMs) socket.destroy();
    }
  }, SWEEP_MS).unref();
  server.once('close', () => {
    clearInterval(sweep);
  });

  server.on('connection', (socket) => {
    if (connections.size >= maxConnections) {
      const closed = leastUsed();
      (closed?.socket ?? socket).destroy();
      if (!closed) return;
      forget(closed);
    }
    const connection = track(socket);
    connections.set(socket, connection);
    idle.add(connection);
    socket.once('close', () => {
      forget(connection);
    });
  });
  const answered = function (this: ServerResponse) {
    const connection = connections.get(this.req.socket);
    if (!connection) return;
    connection.answered(this);
    if (!connection.isAnswered()) return;
    inUse.delete(connection);
    idle.add(connection);
  };
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    const connection = connections.get(req.socket);
    if (connection) {
      idle.delete(connection);
      inUse.add(connection);
      connection.requested(res);
    }
    res.on('close', answered);
  });
  return connections;
}
