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
  /** For how many milliseconds no request has been under way on it. */
  unusedMs: () => number;
}

function follow(socket: Socket) {
  // A client may send several requests ahead.
  let unanswered = 0;
  let latest: ServerResponse | undefined;
  let onAnswered: () => void = () => undefined;
  let unusedSince = performance.now();
  let bytesRead = 0;
  let quietSince = performance.now();
  const isAnswered = () => unanswered === 0;
  const connection: Connection = {
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
    unusedMs: () => (isAnswered() ? performance.now() - unusedSince : 0),
  };
  return {
    ...connection,
    requested: (response: ServerResponse) => {
      unanswered += 1;
      latest = response;
    },
    answered: () => {
      unanswered -= 1;
      if (!isAnswered()) return;
      unusedSince = performance.now();
      onAnswered();
    },
  };
}

/** The connections of a server that are open now. */
export type Connections = ReadonlyMap<Duplex, Connection>;

/** Whoever has just connected, or been answered, has this long to ask for something. */
const MIN_UNUSED_MS = 1000;

/** The connection that has been of no use for longest. */
function leastUsed(connections: Connections): Connection | undefined {
  let found: Connection | undefined;
  let longestMs = MIN_UNUSED_MS;
  for (const connection of connections.values()) {
    const unusedMs = connection.unusedMs();
    if (unusedMs < longestMs) continue;
    found = connection;
    longestMs = unusedMs;
  }
  return found;
}

/**
 * Follows what is under way on each connection: node:http calls one idle whose last answer is not yet sent. For one more
 * than `maxConnections` the least used is closed; where all are in use, the new one.
 */
export function trackConnections(server: Server, maxConnections = Infinity): Connections {
  const connections = new Map<Duplex, ReturnType<typeof follow>>();
  const answered = function (this: ServerResponse) {
    connections.get(this.req.socket)?.answered();
  };
  server.on('connection', (socket) => {
    if (connections.size >= maxConnections) {
      const closed = leastUsed(connections)?.socket ?? socket;
      closed.destroy();
      connections.delete(closed);
      if (closed === socket) return;
    }
    connections.set(socket, follow(socket));
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    connections.get(req.socket)?.requested(res);
    res.on('close', answered);
  });
  return connections;
}
