/** Long, because every test needs the same processes. How the built services start, wait, survive without each other, and stop. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { startHttpServer, until } from '@loan-buddy/kit/testing';
import autocannon from 'autocannon';
import { describeOnce } from './support/postgres';
import { postCheckout, report } from './support/client';
import { atEnd } from './support/at-end';
import {
  beginService,
  failToStart,
  root,
  startService,
  type ServiceProcess,
} from './support/service-process';

async function startPair(env: NodeJS.ProcessEnv = {}) {
  const confirmPayment = await startService('confirm-payment');
  const offers = await startService('offers', { CONFIRM_PAYMENT_URL: confirmPayment.url, ...env });
  return { confirmPayment, offers };
}

function checkout(offers: ServiceProcess, loanId: string): Promise<Response> {
  return postCheckout(offers.url, { user_id: 'cristina', loan_id: loanId });
}

/** A confirm-payment that responds only once `decide` is called. */
async function startHeldConfirmPayment() {
  let asked = false;
  let decide: () => void = () => undefined;
  const mayDecide = new Promise<void>((resolve) => (decide = resolve));
  const { url, close } = await startHttpServer((req, res) => {
    asked = true;
    req.resume();
    void mayDecide.then(() => res.end('{"status":"APPROVED"}'));
  });
  atEnd(close);
  return { url, decide, isAsked: () => asked };
}

describeOnce('both services', () => {
  it('list offers and decide checkouts, with one request id in both', async () => {
    const { offers, confirmPayment } = await startPair();
    const listed = (await (await fetch(`${offers.url}/offers`)).json()) as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual(['offer2', 'offer1', 'offer3']);
    const approved = await checkout(offers, 'offer2');
    expect([approved.status, await approved.json()]).toMatchObject([201, { status: 'APPROVED' }]);
    expect(await (await checkout(offers, 'offer3')).json()).toMatchObject({ status: 'REJECTED' });

    const requestId = approved.headers.get('x-request-id');
    for (const { kill, exit, log } of [offers, confirmPayment]) {
      kill('SIGTERM');
      expect(await exit).toBe(0);
      expect(log.filter((line) => line['requestId'] === requestId)).toHaveLength(1);
    }
  });

  it('wait for slow providers, but not beyond the deadline', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'providers-'));
    const providersFile = (name: string, ...changes: object[]) => {
      const mocks = changes.map((change, i) => ({
        type: 'mock',
        name: `P${String(i)}`,
        offers: [{ id: `o${String(i)}`, rate: i + 1, amount: 1 }],
        ...change,
      }));
      writeFileSync(join(folder, name), JSON.stringify({ providers: mocks }));
      const neverFresh = { OFFERS_TTL_MS: '0', OFFERS_MAX_AGE_MS: '0' };
      return { PROVIDERS_FILE: join(folder, name), ...neverFresh };
    };
    const slow = providersFile(
      'slow.json',
      { latency_ms: 100 },
      { latency_ms: 200 },
      { latency_ms: 300 },
    );
    const hanging = providersFile('hanging.json', {}, { fault: 'hang' }, {});
    try {
      const slowOffers = await startService('offers', { ...slow, PROVIDER_TIMEOUT_MS: '60000' });
      const all = await fetch(`${slowOffers.url}/offers`);
      expect(all.headers.get('missing-providers')).toBeNull();
      expect(await all.json()).toHaveLength(3);
      // A response proves the deadline, because one provider never responds.
      const hangingOffers = await startService('offers', {
        ...hanging,
        PROVIDER_TIMEOUT_MS: '2000',
      });
      const partial = await fetch(`${hangingOffers.url}/offers`);
      expect(partial.headers.get('missing-providers')).toBe('"P1";reason=timeout');
      expect(await partial.json()).toHaveLength(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('return 202 PENDING when confirm-payment is gone, hangs or fails', async () => {
    const { offers, confirmPayment } = await startPair({ CONFIRM_PAYMENT_TIMEOUT_MS: '300' });
    await checkout(offers, 'offer2');
    await confirmPayment.close();
    const hanging = await startHttpServer(() => undefined);
    atEnd(hanging.close);
    const failing = await startService('confirm-payment', { SIMULATED_FAILURE_RATE: '1' });
    const others = await Promise.all(
      [hanging.url, failing.url].map((url) =>
        startService('offers', { CONFIRM_PAYMENT_URL: url, CONFIRM_PAYMENT_TIMEOUT_MS: '300' }),
      ),
    );
    for (const service of [offers, ...others]) {
      const response = await checkout(service, 'offer2');
      const body = (await response.json()) as { status: string };
      expect([response.status, body.status]).toEqual([202, 'PENDING']);
      const kept = await fetch(service.url + response.headers.get('location')!);
      expect(await kept.json()).toEqual(body);
    }
  });
});

describeOnce('a start that cannot succeed', () => {
  it('names every faulty variable and exits 1', async () => {
    const { exit, stderr } = await failToStart('offers', { PORT: 'x', PROVIDER_TIMEOUT_MS: '0' });
    expect(exit).toBe(1);
    expect(stderr).toMatch(
      /^offers: invalid configuration\n {2}PORT: .*\n {2}PROVIDER_TIMEOUT_MS: .*\n$/,
    );
  });

  it('says in one line that the port is in use, and exits 1', async () => {
    const { port } = await startService('confirm-payment');
    const { exit, stderr } = await failToStart('offers', { PORT: String(port) });
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^offers: port \d+ on 127\.0\.0\.1 is already in use[^\n]*\n$/);
  });
});

describeOnce('while the name of the database does not exist', () => {
  const DATABASE_URL = 'postgres://nobody:secret@database.invalid/none';

  /** Runs a command. Returns what it has written to stderr so far. */
  function begin(name: string, ...args: string[]) {
    const script = join(root, 'services/offers/dist/commands', `${name}.js`);
    const child = spawn(process.execPath, [script, ...args], { env: { DATABASE_URL } });
    atEnd(() => child.kill('SIGKILL'));
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    return { child, exit: once(child, 'close'), stderr: () => stderr };
  }

  it('offers waits, and logs why; SIGTERM ends it at once with 0', async () => {
    const { log, kill, exit } = await beginService('offers', { DATABASE_URL });
    await until(() => log.length > 0);
    kill('SIGTERM');
    expect(await exit).toBe(0);
    const code = expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) as string;
    expect(log).toMatchObject([{ level: 'warn', msg: 'waiting for the database', err: { code } }]);
    expect(log[0]!['remainingMs']).toBeGreaterThan(60_000);
    expect(JSON.stringify(log)).not.toContain('secret');
  });

  it('npm run migrate waits, and logs why; SIGTERM ends it at once with 1', async () => {
    const { child, exit, stderr } = begin('migrate');
    await until(() => stderr().includes('"msg":"waiting for the database"'));
    child.kill('SIGTERM');
    expect(await exit).toEqual([1, null]);
  });

  it.each([
    ['orders', 'list-failed'],
    ['events', 'export'],
  ])('npm run %s says so in one line and exits 1', async (name, action) => {
    const { exit, stderr } = begin(name, action);
    expect(await exit).toEqual([1, null]);
    expect(stderr()).toMatch(
      /^\w+: the database at DATABASE_URL cannot be used: getaddrinfo \w+ database\.invalid\n$/,
    );
  });
});

describeOnce('a stop', () => {
  it('under load fails no request that was accepted, and exits 0', async () => {
    const { offers } = await startPair();
    let responses = 0;
    const options = { url: `${offers.url}/offers`, connections: 20, duration: 3600 };
    const load = autocannon(options, () => undefined);
    load.on('response', (_client, status) => {
      if (status === 200) responses += 1;
    });
    await until(() => responses > 1000);
    offers.kill('SIGTERM');
    const code = await offers.exit;
    load.stop();
    const lines = offers.log.filter(({ route }) => route === '/offers');
    const accepted = lines.filter(({ status }) => status === 200).length;
    report(`SIGTERM under load: ${String(accepted)} accepted, ${String(responses)} responses`);
    expect(code).toBe(0);
    expect(lines.filter(({ status }) => status !== 200)).toEqual([]);
    expect(responses).toBe(accepted);
  });

  it('resets no keep-alive connection that a client is using', async () => {
    // Long enough for each client to get Connection: close, even on a slow machine.
    const patience = { SHUTDOWN_DELAY_MS: '10000', SHUTDOWN_TIMEOUT_MS: '60000' };
    const { offers } = await startPair(patience);
    let responses = 0;
    const cutOff: unknown[] = [];
    /** Sends requests on one connection until a response closes it. */
    const requestUntilClosed = async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let isOpen = true; isOpen;) {
        try {
          const [res] = (await once(get(`${offers.url}/offers`, { agent }), 'response')) as [
            IncomingMessage,
          ];
          await text(res);
          responses += 1;
          isOpen = res.headers.connection !== 'close';
        } catch (error) {
          cutOff.push(error);
          isOpen = false;
        }
      }
      agent.destroy();
    };
    const clients = Array.from({ length: 20 }, requestUntilClosed);
    await until(() => responses > 500);
    offers.kill('SIGTERM');
    await Promise.all(clients);
    report(
      `SIGTERM under kept-alive clients: ${String(responses)} responses, ${String(cutOff.length)} cut off`,
    );
    expect(cutOff).toEqual([]);
    expect(await offers.exit).toBe(0);
  });

  it('waits for the checkout in flight', async () => {
    const held = await startHeldConfirmPayment();
    const offers = await startService('offers', {
      CONFIRM_PAYMENT_URL: held.url,
      SHUTDOWN_TIMEOUT_MS: '60000',
    });
    const inFlight = checkout(offers, 'offer2');
    await until(held.isAsked);
    offers.kill('SIGINT');
    // Decides only after the stop has begun.
    await until(() => offers.log.some(({ msg }) => msg === 'stopping'));
    held.decide();
    const response = await inFlight;
    expect([response.status, await offers.exit]).toEqual([201, 0]);
  });

  it('that takes longer than SHUTDOWN_TIMEOUT_MS exits 1', async () => {
    const held = await startHeldConfirmPayment();
    const offers = await startService('offers', {
      CONFIRM_PAYMENT_URL: held.url,
      SHUTDOWN_TIMEOUT_MS: '500',
    });
    const inFlight = checkout(offers, 'offer2').catch(String);
    await until(held.isAsked);
    offers.kill('SIGTERM');
    expect(await offers.exit).toBe(1);
    // It did not wait for the decision, which never comes.
    expect(await inFlight).toContain('fetch failed');
  });
});
