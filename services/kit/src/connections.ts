import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

/** What is under way on one connection. */
export class Connection {
  /** Requests whose answer the operating system does not have to its last byte. A client may send several ahead. */
  #unanswered = 0;
  #latest: ServerResponse | undefined;
  #onAnswered: (() => void) | undefined;
  #bytesRead = 0;
  #quietSince = performance.now();

  constructor(readonly socket: Socket) {}

  get isAnswered(): boolean {
    return this.#unanswered === 0;
  }

  /** The answer to the request that is still arriving, if there is such a request and nothing of the answer is sent. */
  get answerToUnfinished(): ServerResponse | undefined {
    const latest = this.#latest;
    return latest && !latest.req.complete && !latest.headersSent ? latest : undefined;
  }

  /** Calls back once everything that was asked is answered: now, if it is. */
  whenAnswered(then: () => void): void {
    if (this.isAnswered) then();
    else this.#onAnswered = then;
  }

  /** For how many milliseconds nothing has arrived, as far as calls of this method can tell. */
  quietMs(): number {
    const now = performance.now();
    if (this.socket.bytesRead !== this.#bytesRead) this.#quietSince = now;
    this.#bytesRead = this.socket.bytesRead;
    return now - this.#quietSince;
  }

  requested(response: ServerResponse): void {
    this.#unanswered += 1;
    this.#latest = response;
  }

  answered(): void {
    this.#unanswered -= 1;
    if (this.isAnswered) this.#onAnswered?.();
  }
}

/** The connections of a server that are open now. */
export type Connections = ReadonlyMap<Duplex, Connection>;

/** Follows what is under way on each connection: node:http calls one idle whose last answer is not yet sent. */
export function trackConnections(server: Server): Connections {
  const connections = new Map<Duplex, Connection>();
  const answered = function (this: ServerResponse) {
    connections.get(this.req.socket)?.answered();
  };
  server.on('connection', (socket) => {
    connections.set(socket, new Connection(socket));
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    connections.get(req.socket)?.requested(res);
    res.on('close', answered);
  });
  return connections;
}
