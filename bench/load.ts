import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The result of a request. */
export interface Outcome {
  /** The status, or why there is none. */
  outcome: number | string;
  /** Milliseconds from the time the request was due to the response. */
  ms: number;
}

export interface Request {
  path: string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
}

/** A client that repeats one request. */
export interface RawClient {
  /** @param dueAt when the request is due, on the clock of `performance.now()`; default now */
  send: (dueAt?: number) => Promise<Outcome>;
  /** Closes its connections. */
  close: () => void;
}

/**
 * Keeps connections open and reads only the status and the length of a response: a load generator must cost less than
 * the server. Every response must have a Content-Length, and its headers must fit into one packet.
 */
export function createRawClient(port: number, request: Request): RawClient {
  const bytes = Buffer.from(formatRequest(request));
  const idle: Socket[] = [];
  const open = new Set<Socket>();

  const openSocket = () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
    return socket;
  };

  const send = (dueAt = performance.now()): Promise<Outcome> => {
    let socket = idle.pop();
    while (socket?.destroyed) socket = idle.pop();
    const used = socket ?? openSocket();
    return new Promise((resolve) => {
      let status: number | undefined;
      let missing = 0;
      const settle = (outcome: Outcome['outcome']) => {
        used.off('data', onData).off('close', onClose);
        resolve({ outcome, ms: performance.now() - dueAt });
      };
      const onData = (chunk: Buffer) => {
        if (status === undefined) {
          status = Number(chunk.toString('latin1', 9, 12));
          missing = lengthOf(chunk);
        }
        missing -= chunk.length;
        if (missing > 0) return;
        settle(status);
        idle.push(used);
      };
      const onClose = () => {
        settle('closed without a response');
      };
      used.on('data', onData).on('close', onClose);
      used.write(bytes);
    });
  };

  return {
    send,
    close: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

function formatRequest({ path, method = 'GET', headers = {}, body = '' }: Request): string {
  const all = Object.entries({ Host: 'x', ...headers });
  if (body !== '') all.push(['Content-Length', String(Buffer.byteLength(body))]);
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** Returns the length of a response with its headers, from its first packet. */
function lengthOf(chunk: Buffer): number {
  const headersLength = chunk.indexOf('\r\n\r\n') + 4;
  const length = /content-length: *(\d+)/i.exec(chunk.toString('latin1', 0, headersLength));
  return headersLength + Number(length?.[1] ?? 0);
}

/** Runs `work` in `count` lanes in parallel, each one after the other, while `hasMore` returns true. */
export async function inLanes(
  count: number,
  hasMore: () => boolean,
  work: (lane: number) => Promise<unknown>,
): Promise<void> {
  const run = async (lane: number) => {
    while (hasMore()) await work(lane);
  };
  await Promise.all(Array.from({ length: count }, (_, lane) => run(lane)));
}

/**
 * Sends `count` requests at a fixed rate, without waiting for responses. A request that is sent late, because this process
 * was busy, keeps its due time, so the result includes its wait.
 */
export async function atRate(
  perSecond: number,
  count: number,
  send: (dueAt: number) => Promise<Outcome>,
): Promise<Promise<Outcome>[]> {
  const outcomes: Promise<Outcome>[] = [];
  const startedAt = performance.now();
  while (outcomes.length < count) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond) + 1;
    while (outcomes.length < Math.min(due, count)) {
      outcomes.push(send(startedAt + (outcomes.length / perSecond) * 1000));
    }
    await sleep(2);
  }
  return outcomes;
}

/** @param q from 0 to 1 */
export function quantile(all: readonly Outcome[], q: number): number {
  const sorted = all.map(({ ms }) => ms).sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN;
}
