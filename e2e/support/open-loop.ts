import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from './opened';

/** What became of a request. */
export interface Outcome {
  /** The status, or why there is none. */
  outcome: number | string;
  /** From the moment it was due to be sent to the moment its answer was there. */
  ms: number;
}

/**
 * A client that sends the same bytes over and over, each time due now unless it is said when it was, and looks at nothing of an answer but its status: it must take less
 * than the server does. Answers fit into one packet.
 */
export function rawClient(port: number, request: string) {
  const bytes = Buffer.from(request);
  const idle: Socket[] = [];
  const open = new Set<Socket>();
  atEnd(() => {
    for (const socket of open) socket.destroy();
  });

  const connected = () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
    return socket;
  };

  return (dueAt = performance.now()): Promise<Outcome> => {
    let socket = idle.pop();
    while (socket?.destroyed) socket = idle.pop();
    const own = socket ?? connected();
    return new Promise((resolve) => {
      const settle = (outcome: Outcome['outcome']) => {
        own.off('data', answered).off('close', lost);
        resolve({ outcome, ms: performance.now() - dueAt });
      };
      const answered = (chunk: Buffer) => {
        settle(Number(chunk.toString('latin1', 9, 12)));
        idle.push(own);
      };
      const lost = () => {
        settle('closed without an answer');
      };
      own.on('data', answered).on('close', lost);
      own.write(bytes);
    });
  };
}

/**
 * Sends so many a second, whatever becomes of them. What is sent late, because this process was busy, was due all the same:
 * otherwise it would not count how long it waited.
 */
export async function atRate(
  perSecond: number,
  seconds: number,
  send: (dueAt: number) => Promise<Outcome>,
): Promise<Promise<Outcome>[]> {
  const outcomes: Promise<Outcome>[] = [];
  const startedAt = performance.now();
  for (;;) {
    const elapsed = (performance.now() - startedAt) / 1000;
    if (elapsed >= seconds) return outcomes;
    while (outcomes.length < elapsed * perSecond) {
      outcomes.push(send(startedAt + (outcomes.length / perSecond) * 1000));
    }
    await sleep(2);
  }
}

export function quantile(all: readonly Outcome[], q: number): number {
  const sorted = all.map(({ ms }) => ms).sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN;
}
