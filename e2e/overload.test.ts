/** Overload and hostile clients: the other clients still get responses. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@loan-buddy/kit/testing';
import {
  createRawClient,
  quantile,
  type Outcome,
  type RawClient,
  type Request,
} from '../bench/load';
import { inLanes, inParallel, report } from './support/client';
import { atEnd } from './support/at-end';
import { describeOnce, newStorage, storageName } from './support/postgres';
import { startService } from './support/service-process';

const checkout: Request = {
  path: '/checkout',
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ user_id: 'cristina', loan_id: 'offer2' }),
};
const list: Request = { path: '/offers' };

function useClient(port: number, request: Request): RawClient['send'] {
  const { send, close } = createRawClient(port, request);
  atEnd(close);
  return send;
}

const formatMs = (ms: number) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;

describe(`far more checkouts than a service can handle, on ${storageName}`, () => {
  it('responds to each, accepts some, sheds the rest with 503, and accepts all afterwards', async () => {
    const quiet = { LOG_LEVEL: 'error' };
    const confirmPayment = await startService('confirm-payment', quiet);
    const offers = await startService('offers', {
      ...(await newStorage()),
      ...quiet,
      CONFIRM_PAYMENT_URL: confirmPayment.url,
    });
    const send = useClient(offers.port, checkout);
    const outcomes = new Map<number | string, number>();
    const count = (outcome: number | string) => outcomes.get(outcome) ?? 0;
    await inLanes(
      1000,
      (i) => i < 5000 || count(503) < 100 || count(201) < 100,
      async () => {
        const { outcome } = await send();
        outcomes.set(outcome, count(outcome) + 1);
      },
    );
    report(
      `${storageName}, 1,000 connections: ${[...outcomes].map(([outcome, n]) => `${String(n)} × ${String(outcome)}`).join(', ')}`,
    );
    // On a busy machine, confirm-payment may shed requests for decisions, too: 202.
    expect([...outcomes.keys()].filter((outcome) => outcome !== 202).sort()).toEqual([201, 503]);
    await until(async () => (await send()).outcome === 201);
    for (let i = 0; i < 20; i++) expect((await send()).outcome).toBe(201);
  });
});

describeOnce('GET /offers', () => {
  const LIMIT = 10_000;
  const USERS = 10;

  /** Resolves once the latest sockets are open. */
  let opening: Promise<unknown> = Promise.resolve();

  /** Opens `count` sockets at once. */
  function open(port: number, count: number): Promise<Socket[]> {
    const opened = openAll(port, count);
    opening = opened;
    return opened;
  }

  async function openAll(port: number, count: number): Promise<Socket[]> {
    const sockets: Socket[] = [];
    atEnd(() => {
      for (const socket of sockets) socket.destroy();
    });
    await inLanes(
      50,
      (i) => i < count,
      async () => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.resume();
        sockets.push(socket);
        await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
      },
    );
    return sockets;
  }

  /** Measures ten users, each with their own connection and a pause of 20 ms between requests. */
  async function users(port: number): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    const send = useClient(port, list);
    const all = () => Promise.all(Array.from({ length: USERS }, () => send()));
    // A new connection is never closed in its first second, so a flood of them can keep users out for that long.
    await until(async () => (await all()).every(({ outcome }) => outcome === 200));
    await inParallel(1000, USERS, async () => {
      outcomes.push(await send());
      await sleep(20);
    });
    return outcomes;
  }

  const attacks: Record<string, (port: number, isRunning: () => boolean) => Promise<void>> = {
    'while 500 connections send a header twice a second': async (port, isRunning) => {
      const sockets = await open(port, 500);
      for (const socket of sockets) socket.write('POST /checkout HTTP/1.1\r\nHost: x\r\n');
      while (isRunning()) {
        await sleep(500);
        for (const socket of sockets) if (socket.writable) socket.write('X-Slow: x\r\n');
      }
    },
    'while 500 connections send a body a byte twice a second': async (port, isRunning) => {
      const sockets = await open(port, 500);
      const head =
        'POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n';
      for (const socket of sockets) socket.write(head);
      while (isRunning()) {
        await sleep(500);
        for (const socket of sockets) if (socket.writable) socket.write('{');
      }
    },
    'while headers of 10 MB arrive': async (port, isRunning) => {
      const megabyte = Buffer.from(`X-Large: ${'x'.repeat(1_000_000)}\r\n`);
      while (isRunning()) {
        const [socket] = await open(port, 1);
        socket!.write('GET /offers HTTP/1.1\r\nHost: x\r\n');
        for (let i = 0; i < 10 && socket!.writable; i++) {
          socket!.write(megabyte);
          await sleep(5);
        }
        socket!.destroy();
        await sleep(20);
      }
    },
    'while garbage is pipelined behind requests': async (port, isRunning) => {
      while (isRunning()) {
        for (const socket of await open(port, 5)) {
          socket.write(
            'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20) + '\0garbage\r\n'.repeat(50),
          );
        }
        await sleep(50);
      }
    },
    [`while ${String(LIMIT)} connections, the maximum, are idle`]: async (port, isRunning) => {
      await open(port, LIMIT);
      while (isRunning()) await sleep(100);
    },
  };

  it('returns 200, whatever other clients do', async () => {
    const { port } = await startService('offers', { MAX_CONNECTIONS: String(LIMIT) });
    for (const [name, attack] of Object.entries(attacks)) {
      const usual = await users(port);
      const state = { isRunning: true };
      const attacking = attack(port, () => state.isRunning);
      await sleep(0);
      await opening;
      const meanwhile = await users(port);
      state.isRunning = false;
      await attacking;
      expect([name, meanwhile.filter(({ outcome }) => outcome !== 200)]).toEqual([name, []]);
      report(
        `GET /offers ${name}: p50 ${formatMs(quantile(meanwhile, 0.5))}, ` +
          `p99 ${formatMs(quantile(meanwhile, 0.99))}; as usual p50 ${formatMs(quantile(usual, 0.5))}, ` +
          `p99 ${formatMs(quantile(usual, 0.99))}`,
      );
    }
  });
});
