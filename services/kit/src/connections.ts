import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { rememberAddress } from './audit';

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
  /** For how many milliseconds no request has been under way on it. */
  unusedMs: () => number;
  /** For how many milliseconds its next answer has been ready and not read, as far as calls of this function can tell. */
  unreadMs: () => number;
  /** Tells the answers that are owed that nobody is there any longer. */
  closed: () => void;
}

function track(socket: Socket): TrackedConnection {
  // In the order they are to be read: a client may send several requests ahead.
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
      // Node.js 20 tells the first of them alone, which so hears of it twice.
      for (const answer of owed) answer.emit('close');
    },
  };
}

/** The connections of a server that are open now. */
export type Connections = ReadonlyMap<Duplex, Connection>;

/** Whoever has just connected, or been answered, has this long to ask for something. */
const MIN_UNUSED_MS = 1000;
/** How often all connections are looked at. */
const SWEEP_MS = 1000;

/** How many connections there may be, and how long each may keep its place. */
export interface ConnectionLimits {
  maxConnections: number;
  /** For how long none of a client's requests may be under way, in milliseconds. */
  unusedMs: number;
  /** How long a client may take to read what is ready for it, in milliseconds, however steadily it reads. */
  readMs: number;
}

/**
 * Follows what is under way on each connection: node:http calls one idle whose last answer is not yet sent. One that is
 * unused or unread for too long is closed. For one more than `maxConnections` the one unused for longest is closed, else
 * one whose client does not read its answers; where all are in use, the new one. Answers are told when their client leaves,
 * those queued behind another too, and sockets go on knowing its address.
 */
export function trackConnections(server: Server, limits: ConnectionLimits): Connections {
  const connections = new Map<Duplex, TrackedConnection>();
  // Those to close for new ones; the last goes first. Looked for once between two sweeps: anybody can make new ones.
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
