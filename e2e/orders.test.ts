/**
 * Long, because every test needs the same processes. No order is lost: the built services as processes, with kills,
 * outages and faulty responses.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { startHttpServer, startTcpServer, until } from '@loan-buddy/kit/testing';
import {
  inParallel,
  ordersOf,
  postCheckout,
  readOrder,
  report,
  rule,
  sendUntilCreated,
  untilFinal,
  type OrderBody,
} from './support/client';
import { freePort } from './support/free-port';
import { atEnd } from './support/at-end';
import { newEmptyStorage, newStorage, storageName } from './support/postgres';
import { root, startService, type ServiceProcess } from './support/service-process';

/** Fast retries. */
const retries = {
  RETRY_BASE_MS: '50',
  RETRY_CAP_MS: '1000',
  RETRY_ATTEMPTS: '1000',
  BREAKER_OPEN_MS: '300',
};

/** Also short leases: a process soon takes over the work of one that died. */
const quick = { ...retries, CONFIRM_PAYMENT_TIMEOUT_MS: '300', DATABASE_TIMEOUT_MS: '500' };

/** Runs a command of offers like `npm run`, without blocking the servers in this process. */
async function command(name: string, env: NodeJS.ProcessEnv, ...args: string[]) {
  const script = join(root, 'services/offers/dist/commands', `${name}.js`);
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { status, stdout, stderr };
}

describe(`on ${storageName}`, () => {
  it('loses no acknowledged order while offers is killed 20 times', async () => {
    const checkouts = 500;
    const kills = 20;
    const confirmPayment = await startService('confirm-payment', { SIMULATED_LATENCY_MS: '20' });
    const port = await freePort();
    const env = {
      ...(await newStorage()),
      ...quick,
      CONFIRM_PAYMENT_URL: confirmPayment.url,
      PORT: String(port),
    };
    const url = `http://127.0.0.1:${String(port)}`;
    let offers = await startService('offers', env);

    const acknowledged: OrderBody[] = [];
    let broken = 0;
    const buying = inParallel(checkouts, 10, async (i) => {
      const body = { user_id: `user-${String(i)}`, loan_id: `offer${String(1 + (i % 3))}` };
      for (;;) {
        const response = await postCheckout(url, body).catch(() => undefined);
        const order = (await response?.json().catch(() => undefined)) as OrderBody | undefined;
        if (response && [201, 202].includes(response.status) && order) {
          acknowledged.push(order);
          return;
        }
        broken += 1;
        await sleep(50);
      }
    });
    for (let kill = 1; kill <= kills; kill++) {
      await until(() => acknowledged.length >= ((kill - 1) * checkouts) / kills);
      await sleep(Math.random() * 60);
      offers.kill('SIGKILL');
      await offers.exit;
      offers = await startService('offers', env);
    }
    await buying;

    const { orders } = await untilFinal(
      url,
      acknowledged.map(({ id }) => id),
    );
    const wrong = orders.filter(({ status, loan_id }) => status !== rule[loan_id]);
    const changed = orders.filter(({ status }, i) => {
      const first = acknowledged[i]!.status;
      return first !== 'PENDING' && first !== status;
    });
    const users = [...new Set(acknowledged.map(({ user_id }) => user_id))];
    const all: OrderBody[] = [];
    await inParallel(users.length, 20, async (i) => {
      all.push(...(await ordersOf(url, users[i]!)));
    });
    await untilFinal(
      url,
      all.map(({ id }) => id),
    );
    const pending = acknowledged.filter(({ status }) => status === 'PENDING').length;
    report(
      `${storageName}, ${String(kills)} kills: ${String(acknowledged.length)} acknowledged ` +
        `(${String(pending)} as PENDING), ${String(orders.length)} found and final, 0 lost, ` +
        `${String(wrong.length)} against the rule, ${String(changed.length)} changed; ${String(broken)} requests ` +
        `broke off, ${String(all.length - acknowledged.length)} of them left an order`,
    );
    expect(orders).toHaveLength(checkouts);
    expect([wrong, changed]).toEqual([[], []]);
  });

  it('accepts every checkout while confirm-payment is down, and they get decisions when it is back', async () => {
    const port = String(await freePort());
    const first = await startService('confirm-payment', { PORT: port });
    const offers = await startService('offers', {
      ...(await newStorage()),
      ...retries,
      CONFIRM_PAYMENT_URL: first.url,
    });
    await first.close();
    const statuses: number[] = [];
    const ids: string[] = [];
    for (let i = 0; i < 250; i++) {
      const loan_id = `offer${String(1 + (i % 3))}`;
      const response = await postCheckout(offers.url, { user_id: 'cristina', loan_id });
      statuses.push(response.status);
      ids.push(((await response.json()) as OrderBody).id);
    }
    await startService('confirm-payment', { PORT: port });
    const { orders, ms } = await untilFinal(offers.url, ids);
    report(
      `${storageName}, confirm-payment down: ${String(ids.length)} checkouts, all 202; ` +
        `all final ${(ms / 1000).toFixed(1)} s after its restart`,
    );
    expect(new Set(statuses)).toEqual(new Set([202]));
    expect(orders.filter(({ status, loan_id }) => status !== rule[loan_id])).toEqual([]);
  });

  it('never makes up a decision, and retries, whatever confirm-payment sends', async () => {
    let fault = '';
    let asked: string[] = [];
    const web = await startHttpServer((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        asked.push((JSON.parse(body) as { order_id: string }).order_id);
        if (fault === 'hangs') return;
        if (fault === 'responds 500') res.writeHead(500).end('{"status":"APPROVED"}');
        else if (fault === 'sends garbage') res.end('<html>APPROVED</html>');
        else if (fault === 'sends another word') res.end('{"status":"PROBABLY"}');
        else if (fault === 'hangs up half way') {
          res.writeHead(200, { 'Content-Length': '21' });
          res.write('{"status":"APPR', () => res.destroy());
        } else if (fault === 'trickles') {
          res.writeHead(200);
          const timer = setInterval(() => res.write(' '), 20);
          res.on('close', () => {
            clearInterval(timer);
          });
        } else res.end('{"status":"APPROVED"}');
      });
    });
    atEnd(web.close);
    const offers = await startService('offers', {
      ...(await newStorage()),
      ...retries,
      CONFIRM_PAYMENT_TIMEOUT_MS: '300',
      BREAKER_FAILURES: '1000',
      CONFIRM_PAYMENT_URL: web.url,
    });
    const ids: string[] = [];
    for (fault of [
      'hangs',
      'responds 500',
      'sends garbage',
      'sends another word',
      'hangs up half way',
      'trickles',
    ]) {
      asked = [];
      const response = await postCheckout(offers.url, { user_id: 'cristina', loan_id: 'offer2' });
      const { id, status } = (await response.json()) as OrderBody;
      expect([fault, response.status, status]).toEqual([fault, 202, 'PENDING']);
      await until(() => asked.filter((each) => each === id).length >= 3);
      expect((await readOrder(offers.url, id))?.status).toBe('PENDING');
      ids.push(id);
    }
    fault = '';
    const { orders, ms } = await untilFinal(offers.url, ids);
    expect(orders.map(({ status }) => status)).toEqual(ids.map(() => 'APPROVED'));
    // Keeps at most one connection per concurrent attempt, and none that failed.
    expect(web.connections()).toBeLessThanOrEqual(11);
    report(
      `${storageName}, six faults: all PENDING, retried, decided ${(ms / 1000).toFixed(1)} s ` +
        `after they ended; ${String(web.connections())} connections open`,
    );
  });

  it('survives a confirm-payment that does not speak HTTP', async () => {
    const noise = await startTcpServer((socket) => {
      socket.end('220 smtp.example ESMTP\r\n');
    });
    atEnd(noise.close);
    const offers = await startService('offers', {
      ...(await newStorage()),
      ...retries,
      CONFIRM_PAYMENT_URL: noise.url,
    });
    const response = await postCheckout(offers.url, { user_id: 'cristina', loan_id: 'offer2' });
    expect([response.status, ((await response.json()) as OrderBody).status]).toEqual([
      202,
      'PENDING',
    ]);
  });

  it('makes one order from 100 concurrent requests with the same Idempotency-Key', async () => {
    const confirmPayment = await startService('confirm-payment', { SIMULATED_LATENCY_MS: '50' });
    const offers = await startService('offers', {
      ...(await newStorage()),
      CONFIRM_PAYMENT_URL: confirmPayment.url,
    });
    const body = { user_id: 'cristina', loan_id: 'offer2' };
    const key = { 'Idempotency-Key': `"${randomUUID()}"` };
    const { created, inFlight, shed } = await sendUntilCreated(100, () =>
      postCheckout(offers.url, body, key),
    );
    expect(new Set(created).size).toBe(1);
    expect(await ordersOf(offers.url, 'cristina')).toHaveLength(1);

    const replay = await postCheckout(offers.url, body, key);
    expect(await replay.text()).toBe(created[0]);
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    expect(replay.headers.get('location')).toMatch(/^\/orders\/order-/);
    const other = await postCheckout(offers.url, { ...body, loan_id: 'offer3' }, key);
    expect(other.status).toBe(422);

    confirmPayment.kill('SIGTERM');
    await confirmPayment.exit; // and with it the last lines of its log
    const asked = confirmPayment.log.filter(({ route }) => route === '/confirm-payment');
    expect(asked).toHaveLength(1);
    report(
      `${storageName}, one key 100 times: 1 order, ${String(inFlight)} × 409 and ${String(shed)} × 503 before the 100 × 201`,
    );
  });

  it('fails an order after the last attempt, and an operator can retry it', async () => {
    let healthy = false;
    const web = await startHttpServer((req, res) => {
      req.resume();
      if (healthy) res.end('{"status":"APPROVED"}');
      else res.writeHead(500).end();
    });
    atEnd(web.close);
    const storage = await newStorage();
    const env = {
      ...storage,
      ...retries,
      RETRY_ATTEMPTS: '3',
      BREAKER_FAILURES: '1000',
      CONFIRM_PAYMENT_URL: web.url,
    };
    const offers = await startService('offers', env);
    const buy = async () => {
      const response = await postCheckout(offers.url, { user_id: 'cristina', loan_id: 'offer2' });
      return ((await response.json()) as OrderBody).id;
    };
    const ids = [await buy(), await buy(), await buy()];
    const { orders } = await untilFinal(offers.url, ids);
    expect(orders.map(({ status }) => status)).toEqual(['FAILED', 'FAILED', 'FAILED']);
    const listed = (await (await fetch(`${offers.url}/failed-orders`)).json()) as object[];
    expect(listed).toHaveLength(3);
    expect(listed[0]).toMatchObject({
      id: ids[2],
      attempts: 3,
      last_error: 'confirm-payment responded 500 without a decision',
    });

    healthy = true;
    const retried = await fetch(`${offers.url}/failed-orders/${ids[0]!}/retry`, { method: 'POST' });
    expect(retried.status).toBe(202);
    await untilFinal(offers.url, [ids[0]!]);
    expect(await readOrder(offers.url, ids[0]!)).toMatchObject({ status: 'APPROVED' });
    const again = await fetch(`${offers.url}/failed-orders/${ids[0]!}/retry`, { method: 'POST' });
    expect(again.status).toBe(409);

    if (storage['DATA_DIR'] !== undefined) {
      const refused = await command('orders', storage, 'list-failed');
      expect(refused.status).toBe(1);
      expect(refused.stderr).toMatch(/in use by process \d+[^]*Stop it first[^]*\/failed-orders/);
      offers.kill('SIGTERM');
      await offers.exit;
    }
    const list = await command('orders', storage, 'list-failed');
    expect(list.stdout).toContain(`${ids[1]!}  `);
    expect(list.stdout).toContain('2 failed');
    expect((await command('orders', storage, 'retry', ids[1]!)).stdout).toBe(
      `${ids[1]!} is pending again\n`,
    );
    expect((await command('orders', storage, 'retry', ids[1]!)).status).toBe(1);
    expect((await command('orders', storage, 'retry', '--all')).stdout).toBe('1 pending again\n');
    expect(await command('orders', storage, 'nonsense')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('usage: ') as string,
    });
    const url =
      storage['DATA_DIR'] === undefined ? offers.url : (await startService('offers', env)).url;
    const { orders: decided } = await untilFinal(url, ids);
    expect(decided.map(({ status }) => status)).toEqual(['APPROVED', 'APPROVED', 'APPROVED']);
  });

  it('opens the breaker, reports it, stays ready, and closes it with one half-open trial', async () => {
    let healthy = false;
    let asked = 0;
    const web = await startHttpServer((req, res) => {
      asked += 1;
      req.resume();
      if (healthy) res.end('{"status":"APPROVED"}');
      else res.writeHead(500).end();
    });
    atEnd(web.close);
    const start = async (openMs: number) =>
      startService('offers', {
        ...(await newStorage()),
        ...retries,
        BREAKER_FAILURES: '3',
        BREAKER_OPEN_MS: String(openMs),
        CONFIRM_PAYMENT_URL: web.url,
      });
    const stateOf = async ({ url }: ServiceProcess) => {
      const response = await fetch(`${url}/readyz`);
      const { detail } = (await response.json()) as { detail: Record<string, string> };
      return [response.status, detail['confirm_payment'], detail['database']];
    };
    const body = { user_id: 'cristina', loan_id: 'offer2' };
    const untilOpen = (service: ServiceProcess) =>
      until(async () => {
        await postCheckout(service.url, body);
        return (await stateOf(service))[1] === 'open';
      });
    const openForLong = await start(600_000);
    expect(await stateOf(openForLong)).toEqual([200, 'closed', 'ok']);
    await untilOpen(openForLong);
    expect(await stateOf(openForLong)).toEqual([200, 'open', 'ok']);
    const before = asked;
    for (let i = 0; i < 20; i++) {
      expect((await postCheckout(openForLong.url, body)).status).toBe(202);
    }
    expect(asked).toBe(before);
    await openForLong.close();

    const offers = await start(300);
    await untilOpen(offers);
    healthy = true;
    await until(async () => (await stateOf(offers))[1] === 'closed');
    expect((await postCheckout(offers.url, body)).status).toBe(201);
    offers.kill('SIGTERM');
    await offers.exit; // and with it the last lines of its log
    expect(offers.log.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['confirm-payment circuit opened', 'confirm-payment circuit closed']),
    );
  });

  it('starts twice on the same storage', async () => {
    const storage = await newEmptyStorage();
    const startMs: number[] = [];
    const memory: number[] = [];
    for (let i = 0; i < 2; i++) {
      const startedAt = performance.now();
      const offers = await startService('offers', storage);
      startMs.push(performance.now() - startedAt);
      memory.push(offers.memoryMb());
      offers.kill('SIGTERM');
      expect(await offers.exit).toBe(0);
    }
    const [first, second] = startMs.map((ms) => `${(ms / 1000).toFixed(1)} s`);
    const [firstMb, secondMb] = memory.map((mb) => `${mb.toFixed(0)} MB`);
    report(
      `${storageName}: ready ${first!} after the first start (${firstMb!}), ${second!} after the next (${secondMb!})`,
    );
  });
});
