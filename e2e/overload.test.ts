/** More than there is room for, and clients that mean no good: the others are answered nevertheless. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@loan-buddy/kit/testing';
import { inLanes, report } from './support/client';
import { atEnd } from './support/opened';
import { atRate, quantile, rawClient, type Outcome } from './support/open-loop';
import { describeOnce, newStorage, storageName } from './support/postgres';
import { startService } from './support/service-process';

jest.setTimeout(120_000);

const body = JSON.stringify({ user_id: 'cristina', loan_id: 'offer2' });
const checkout =
  'POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
  `Content-Length: ${String(body.length)}\r\n\r\n${body}`;
const list = 'GET /offers HTTP/1.1\r\nHost: x\r\n\r\n';

const inMs = (ms: number) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;

describe(`five times as many checkouts as there can be, on ${storageName}`, () => {
  it('takes at least a fifth of what there can be, sheds the rest with 503, and is quick again within 30 s', async () => {
    const quiet = { LOG_LEVEL: 'error' };
    const confirmPayment = await startService('confirm-payment', quiet);
    const offers = await startService('offers', {
      ...(await newStorage()),
      ...quiet,
      CONFIRM_PAYMENT_URL: confirmPayment.url,
    });
    const send = rawClient(offers.port, checkout);
    await inLanes(
      20,
      (i) => i < 1000,
      async () => {
        await send();
      },
    );
    const end = performance.now() + 3000;
    let done = 0;
    await inLanes(
      20,
      () => performance.now() < end,
      async () => {
        await send();
        done += 1;
      },
    );
    const capacity = done / 3;

    // As those of a load balancer, its connections are open already.
    await Promise.all(Array.from({ length: 1000 }, () => send()));
    await sleep(1000);
    const seconds = 5;
    const outcomes = await atRate(5 * capacity, seconds, send);
    const overAt = performance.now();
    await until(async () => {
      const { outcome, ms } = await send();
      return outcome === 201 && ms < 100;
    }, 30_000);
    const recoveredMs = performance.now() - overAt;
    const all = await Promise.all(outcomes);
    const withOutcome = (...wanted: unknown[]) =>
      all.filter((each) => wanted.includes(each.outcome));
    const accepted = withOutcome(201, 202);
    const shed = withOutcome(503);
    report(
      `${storageName}: ${capacity.toFixed(0)} checkouts/s; of ${(all.length / seconds).toFixed(0)}/s: ` +
        `${(accepted.length / seconds).toFixed(0)}/s accepted, p99 ${inMs(quantile(accepted, 0.99))}; ` +
        `${(shed.length / seconds).toFixed(0)}/s shed, p50 ${inMs(quantile(shed, 0.5))}, ` +
        `p99 ${inMs(quantile(shed, 0.99))}; as before ${inMs(recoveredMs)} after`,
    );
    expect([...new Set(all.map(({ outcome }) => outcome))].sort()).toEqual([201, 503]);
    expect(accepted.length).toBeGreaterThan(capacity);
    expect(shed.length).toBeGreaterThan(accepted.length / 10);
  });
});

describeOnce('GET /offers', () => {
  const LIMIT = 10_000;

  /** Resolves once the sockets last asked for are open. */
  let opening: Promise<unknown> = Promise.resolve();

  /** Sockets that are opened in one go, and do as they are told. */
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

  /** What ten users see, each with a connection of their own and a request every 20 ms. */
  async function users(port: number, durationMs = 3000): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    const send = rawClient(port, list);
    const until = performance.now() + durationMs;
    await inLanes(
      10,
      () => performance.now() < until,
      async () => {
        outcomes.push(await send());
        await sleep(20);
      },
    );
    return outcomes;
  }

  const attacks: Record<string, (port: number, goesOn: () => boolean) => Promise<void>> = {
    'while 500 connections send a header twice a second': async (port, goesOn) => {
      const sockets = await open(port, 500);
      for (const socket of sockets) socket.write('POST /checkout HTTP/1.1\r\nHost: x\r\n');
      while (goesOn()) {
        await sleep(500);
        for (const socket of sockets) if (socket.writable) socket.write('X-Slow: x\r\n');
      }
    },
    'while 500 connections send a body a byte twice a second': async (port, goesOn) => {
      const sockets = await open(port, 500);
      const head =
        'POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n';
      for (const socket of sockets) socket.write(head);
      while (goesOn()) {
        await sleep(500);
        for (const socket of sockets) if (socket.writable) socket.write('{');
      }
    },
    'while headers of 10 MB come in': async (port, goesOn) => {
      const megabyte = Buffer.from(`X-Large: ${'x'.repeat(1_000_000)}\r\n`);
      while (goesOn()) {
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
    'while garbage is pipelined behind requests': async (port, goesOn) => {
      while (goesOn()) {
        for (const socket of await open(port, 5)) {
          socket.write(
            'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20) + '\0garbage\r\n'.repeat(50),
          );
        }
        await sleep(50);
      }
    },
    [`while ${String(LIMIT)} connections do nothing, as many as there may be`]: async (
      port,
      goesOn,
    ) => {
      await open(port, LIMIT);
      while (goesOn()) await sleep(100);
    },
  };

  it('is answered with 200, whatever others do', async () => {
    const { port } = await startService('offers', { MAX_CONNECTIONS: String(LIMIT) });
    await users(port, 1500);
    for (const [name, attack] of Object.entries(attacks)) {
      const usual = await users(port);
      const state = { goesOn: true };
      const attacking = attack(port, () => state.goesOn);
      await sleep(0);
      await opening;
      // What is open here the service still has to accept.
      await sleep(1000);
      const meanwhile = await users(port);
      state.goesOn = false;
      await attacking;
      expect([name, meanwhile.filter(({ outcome }) => outcome !== 200)]).toEqual([name, []]);
      report(
        `GET /offers ${name}: p50 ${inMs(quantile(meanwhile, 0.5))}, ` +
          `p99 ${inMs(quantile(meanwhile, 0.99))}; as usual p50 ${inMs(quantile(usual, 0.5))}, ` +
          `p99 ${inMs(quantile(usual, 0.99))}`,
      );
    }
  });
});
