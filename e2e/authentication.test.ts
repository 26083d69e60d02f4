/** Authentication of users and between the services, with the services as processes. */
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@loan-buddy/kit/testing';
import { inLanes, inParallel, postCheckout, report } from './support/client';
import { atEnd } from './support/at-end';
import { describeWithServer, newServerDatabase, newStorage } from './support/postgres';
import { failToStart, startService, type ServiceProcess } from './support/service-process';
import { useTokens } from './support/tokens';

function checkout(
  url: string,
  token: string,
  { userId = 'cristina', ...headers }: Record<string, string> = {},
): Promise<Response> {
  const body = { user_id: userId, loan_id: 'offer2' };
  return postCheckout(url, body, { Authorization: `Bearer ${token}`, ...headers });
}

it.each(['offers', 'confirm-payment'] as const)(
  '%s starts in production only if AUTH_MODE is set',
  async (name) => {
    const { exit, stderr } = await failToStart(name, { NODE_ENV: 'production' });
    expect(exit).toBe(1);
    expect(stderr).toContain('AUTH_MODE: must be set for NODE_ENV=production');
    await startService(name, { NODE_ENV: 'production', AUTH_MODE: 'none' });
  },
);

describe('between the services', () => {
  it('refuses calls without a token, and orders stay pending while the secrets differ', async () => {
    const tokens = await useTokens();
    const confirmPayment = await startService('confirm-payment', {
      ...tokens.confirmPaymentEnv,
      SERVICE_AUTH_SECRETS: 'something-else-of-thirty-two-characters',
    });
    const offers = await startService('offers', {
      ...tokens.offersEnv,
      CONFIRM_PAYMENT_URL: confirmPayment.url,
    });
    const response = await checkout(offers.url, await tokens.sign({ scope: 'orders:write' }));
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ status: 'PENDING' });
    const direct = await fetch(`${confirmPayment.url}/confirm-payment`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ order_id: 'order-1', amount: 12_000, status: 'PENDING' }),
    });
    expect([direct.status, direct.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="loan-buddy"',
    ]);
  });

  it('a checkout writes an audit line in both services, under one request id', async () => {
    const tokens = await useTokens();
    const confirmPayment = await startService('confirm-payment', tokens.confirmPaymentEnv);
    const offers = await startService('offers', {
      ...tokens.offersEnv,
      CONFIRM_PAYMENT_URL: confirmPayment.url,
    });
    const response = await checkout(offers.url, await tokens.sign({ scope: 'orders:write' }));
    expect(response.status).toBe(201);
    const auditsOf = ({ log }: ServiceProcess) => log.flatMap(({ audit }) => audit ?? []);
    await until(() => [offers, confirmPayment].every((each) => auditsOf(each).length > 0));
    const requestId = response.headers.get('x-request-id');
    const done = { outcome: 'done', requestId };
    expect(auditsOf(offers)).toMatchObject([{ ...done, who: 'cristina', path: '/checkout' }]);
    expect(auditsOf(confirmPayment)).toMatchObject([
      { ...done, who: 'offers', path: '/confirm-payment' },
    ]);
  });

  it('the secret is replaced in three steps, and every checkout returns 201', async () => {
    const tokens = await useTokens();
    const token = await tokens.sign({ scope: 'orders:write', expiresIn: 86_400 });
    const storage = await newStorage();
    const [old, next] = ['old', 'new'].map((name) => `${name}-secret-`.repeat(4));
    // Like a Kubernetes Service: new connections go to a ready process.
    const [confirmPayments, front] = [await startForwarder(), await startForwarder()];
    // An embedded database belongs to one process: between two processes there is none, and no request is sent.
    const isShared = storage['DATABASE_URL']?.startsWith('postgres') === true;
    let confirmPayment: ServiceProcess | undefined;
    const ended: Promise<unknown>[] = [];
    const roll = async (secrets: string) => {
      const before = confirmPayment;
      confirmPayment = await startService('confirm-payment', {
        ...tokens.confirmPaymentEnv,
        SERVICE_AUTH_SECRETS: secrets,
        // Long enough to close every keep-alive connection, even on a slow machine.
        SHUTDOWN_DELAY_MS: '5000',
        SHUTDOWN_TIMEOUT_MS: '60000',
      });
      confirmPayments.forwardTo(confirmPayment.port);
      before?.kill('SIGTERM');
      if (before) ended.push(before.exit);
    };
    const start = (secrets: string) =>
      startService('offers', {
        ...tokens.offersEnv,
        ...storage,
        SERVICE_AUTH_SECRETS: secrets,
        CONFIRM_PAYMENT_URL: confirmPayments.url,
        RATE_LIMIT: 'off',
        // Here an order without an immediate decision is a failure.
        RETRY_BASE_MS: '60000',
      });
    await roll(old!);
    let offers = await start(old!);
    front.forwardTo(offers.port);
    const seen: Record<string, number> = {};
    const state = { isRunning: true, pause: false, done: 0 };
    const load = inLanes(
      8,
      () => state.isRunning,
      async () => {
        if (state.pause) return sleep(10);
        // A new connection each time: a keep-alive connection may close just as the next request is sent.
        const response = await checkout(front.url, token, { Connection: 'close' });
        const { code } = (await response.json()) as { code?: string };
        // A slow machine may shed load, which is unrelated to secrets.
        if (code === 'overloaded') return sleep(20);
        state.done += 1;
        seen[response.status] = (seen[response.status] ?? 0) + 1;
        return undefined;
      },
    );
    const rollOffers = async (secrets: string) => {
      const before = offers;
      const end = async () => {
        await until(() => front.connectionsTo(before.port) === 0);
        before.kill('SIGTERM');
        await before.exit;
      };
      state.pause = !isShared;
      if (!isShared) await end();
      offers = await start(secrets);
      front.forwardTo(offers.port);
      state.pause = false;
      if (isShared) await end();
    };
    const until100More = () => {
      const { done } = state;
      return until(() => state.done >= done + 100);
    };
    const steps = [`${old!},${next!}`, `${next!},${old!}`, next!];
    for (const secrets of steps) {
      await roll(secrets);
      await until100More();
      await rollOffers(secrets);
      await until100More();
    }
    state.isRunning = false;
    await load;
    expect(await Promise.all(ended)).toEqual(steps.map(() => 0));
    report(`secret replaced in ${String(steps.length)} steps: ${JSON.stringify(seen)}`);
    expect(Object.keys(seen)).toEqual(['201']);
  });
});

/** Opens a port that forwards to another one, which `forwardTo` sets. */
async function startForwarder() {
  let target = 0;
  const sockets = new Set<Socket>();
  const connections = new Map<number, number>();
  const count = (port: number, change: number) =>
    connections.set(port, (connections.get(port) ?? 0) + change);
  const server = createServer((client) => {
    const port = target;
    count(port, 1);
    client.once('close', () => count(port, -1));
    const upstream = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${String(port)}`,
    forwardTo: (other: number) => {
      target = other;
    },
    /** Number of clients connected to `port` through it. */
    connectionsTo: (port: number) => connections.get(port) ?? 0,
  };
}

describeWithServer('on two replicas', () => {
  it('share one exact quota of checkouts', async () => {
    const tokens = await useTokens();
    const confirmPayment = await startService('confirm-payment', tokens.confirmPaymentEnv);
    const env = {
      ...tokens.offersEnv,
      DATABASE_URL: await newServerDatabase(),
      CONFIRM_PAYMENT_URL: confirmPayment.url,
      RATE_LIMIT_WRITES: '20',
    };
    const replicas = [await startService('offers', env), await startService('offers', env)];
    const statuses: number[] = [];
    const minuteNow = () => Math.floor(Date.now() / 60_000);
    // Quotas are per minute: if a minute has ended meanwhile, start again as another user.
    for (let minute = NaN; minute !== minuteNow();) {
      minute = minuteNow();
      statuses.length = 0;
      const userId = `cristina-${String(minute)}`;
      const token = await tokens.sign({ sub: userId, scope: 'orders:write' });
      await inParallel(60, 10, async (i) => {
        const { status } = await checkout(replicas[i % 2]!.url, token, { userId });
        statuses.push(status);
      });
    }
    expect(statuses.filter((status) => status === 201)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
  });
});
