/** E-mails, through a real SMTP server. Long, because every test needs the server, the worker and an order. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { domainToUnicode } from 'node:url';
import { allButTimeouts, startTcpServer, until } from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import { register as metrics } from 'prom-client';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { createSendEmail, type SendEmail } from '../src/email/send-email';
import { anOffer, anOrder } from './builders';
import { useService, type Parts } from './service';
import { useDatabase } from './database';
import { createOrderStore } from '../src/orders/order-store';

const database = useDatabase();
const aService = useService(database);
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  await sql`delete from email_jobs`.execute(database().db);
});

interface Mail {
  from: string;
  to: string[];
  source: string;
}

/** A real SMTP server that stores its mails. */
async function anSmtpServer(options: SMTPServerOptions = {}) {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    onData: (stream, { envelope }, done) => {
      let source = '';
      stream.on('data', (chunk: Buffer) => (source += chunk.toString()));
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), source });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  opened.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
      }),
  );
  const { port } = server.server.address() as AddressInfo;
  return { mails, port, url: `smtp://127.0.0.1:${String(port)}` };
}

const from = 'Loan Buddy <no-reply@example.com>';

/** The service with the e-mail worker running, which sends through the given server. */
function running(sendEmail?: SendEmail, more: Parts = {}) {
  const { emails, lines } = aService({ ...(sendEmail && { sendEmail }), ...more });
  const stop = async () => emails.worker?.stop();
  opened.push(stop);
  emails.worker?.start();
  return { lines, stop, sweeps: emails.sweeps };
}

async function ended(
  status: 'APPROVED' | 'REJECTED' | 'FAILED',
  parts: { email?: string; provider?: string } = {},
) {
  const { email = 'cristina@example.com', provider = 'ProviderB' } = parts;
  const orders = createOrderStore(database().db);
  const order = { ...anOrder({ offer: { ...anOffer({ provider }), termMonths: 36 } }), email };
  await orders.insert(order, 60_000);
  if (status !== 'FAILED') await orders.decide(order.id, status);
  else await orders.recordFailure(order.id, { reason: 'x', dueInMs: 1, maxAttempts: 1 });
  return order;
}

async function settled() {
  let jobs: { status: string; attempts: number; lastError: string | null }[] = [];
  await until(async () => {
    ({ rows: jobs } = await sql<(typeof jobs)[number]>`
      select status, attempts, last_error from email_jobs order by seq`.execute(database().db));
    return jobs.length > 0 && jobs.every(({ status }) => status !== 'pending');
  });
  return jobs;
}

describe('an e-mail', () => {
  it.each([
    ['APPROVED', 'Your loan is approved', 'Good news'],
    ['REJECTED', 'Your loan was not approved', 'We are sorry'],
    ['FAILED', 'Your loan is not decided yet', 'could not reach a decision'],
  ] as const)(
    'tells the user that the order is %s, as text and as HTML',
    async (status, subject, said) => {
      const { mails, url } = await anSmtpServer();
      running(createSendEmail({ url, from, timeoutMs: 60_000 }));
      const { id } = await ended(status);
      expect(await settled()).toEqual([{ status: 'sent', attempts: 1, lastError: null }]);
      expect(mails).toHaveLength(1);
      const { source, ...envelope } = mails[0]!;
      expect(envelope).toEqual({ from: 'no-reply@example.com', to: ['cristina@example.com'] });
      expect(source).toMatch(new RegExp(`^Subject: ${subject}\r$`, 'm'));
      expect(source).toMatch(/^From: Loan Buddy <no-reply@example.com>\r$/m);
      expect(source).toMatch(/^Message-ID: <[0-9a-f-]{36}@loan-buddy>\r$/m);
      const parts = source.split(/^Content-Type: /m).slice(2);
      expect(parts.map((part) => part.split(';')[0])).toEqual(['text/plain', 'text/html']);
      for (const part of parts) {
        const decoded = part.replaceAll('=\r\n', '').replaceAll('=3D', '=').replaceAll('\r\n', ' ');
        expect(decoded).toContain(said);
        expect(decoded).toContain('12,000 from ProviderB at 2.9 % a year over 36 months');
        expect(decoded).toContain(id);
      }
    },
  );

  it('escapes the offer in HTML', async () => {
    const { mails, url } = await anSmtpServer();
    running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    await ended('APPROVED', { provider: `<b onload="x('&')">` });
    await settled();
    const html = mails[0]!.source
      .split('text/html')[1]!
      .replaceAll('=\r\n', '')
      .replaceAll('=3D', '=');
    expect(html).toContain('&lt;b onload=&quot;x(&#39;&amp;&#39;)&quot;&gt;');
    expect(html).not.toContain('<b onload');
  });

  it.each([
    'jane&john@example.com',
    "!#$%'*+-/=?^_`{|}~.a@xn--bcher-kva.xn--p1ai",
    `${'x'.repeat(64)}@${'y'.repeat(63)}.example`,
  ])('goes to any address that a checkout accepts: %s', async (email) => {
    const { mails, url } = await anSmtpServer();
    running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    await ended('APPROVED', { email });
    expect(await settled()).toMatchObject([{ status: 'sent' }]);
    // The test server decodes A-labels in the envelope.
    const [name, host] = email.split('@') as [string, string];
    expect(mails).toMatchObject([{ to: [`${name}@${domainToUnicode(host)}`] }]);
    expect(mails[0]!.source.replaceAll('\r\n ', ' ')).toContain(`\r\nTo: ${email}\r\n`);
  });

  it('goes only to the user, whatever the address looks like', async () => {
    const { mails, url } = await anSmtpServer();
    running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    await ended('APPROVED', { email: 'a@example.com,b@example.com' });
    await ended('APPROVED', { email: 'a@example.com\r\nRCPT TO:<b@example.com>' });
    await settled();
    const receivers = mails.flatMap(({ to }) => to);
    expect(receivers).not.toContain('b@example.com');
  });

  it('is retried with the same Message-ID after a temporary refusal', async () => {
    let refusals = 2;
    const ids: string[] = [];
    const { url } = await anSmtpServer({
      onData: (stream, _, done) => {
        let source = '';
        stream.on('data', (chunk: Buffer) => (source += chunk.toString()));
        stream.on('end', () => {
          ids.push(/^Message-ID: (.*)\r$/m.exec(source)![1]!);
          done(refusals-- > 0 ? Object.assign(new Error('later'), { responseCode: 451 }) : null);
        });
      },
    });
    metrics.resetMetrics();
    running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    await ended('APPROVED');
    expect(await settled()).toEqual([{ status: 'sent', attempts: 3, lastError: null }]);
    expect([ids.length, new Set(ids).size]).toEqual([3, 1]);
    const counts = () => metrics.getSingleMetricAsString('loan_buddy_email_attempts_total');
    await until(async () => (await counts()).includes('{outcome="sent"} 1'));
    expect(await counts()).toContain('{outcome="retried"} 2');
  });

  it('fails after a permanent refusal, and the log does not contain the address', async () => {
    const { url } = await anSmtpServer({
      onRcptTo: ({ address }, _, done) => {
        done(Object.assign(new Error(`no ${address} here`), { responseCode: 550 }));
      },
    });
    const { lines } = running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    const { id } = await ended('APPROVED');
    const reason = 'the e-mail was not sent (EENVELOPE, the server responded 550)';
    expect(await settled()).toEqual([{ status: 'failed', attempts: 1, lastError: reason }]);
    expect(lines).toEqual([
      { level: 'warn', orderId: id, attempts: 1, reason, msg: 'e-mail failed permanently' },
    ]);
  });

  it.each<[string, 'onMailFrom' | 'onRcptTo', number, string]>([
    ['requires a password', 'onMailFrom', 530, '5.7.0 Authentication required'],
    ['requires an encrypted connection', 'onMailFrom', 530, 'Must issue a STARTTLS command first'],
    ['requires another sender', 'onMailFrom', 553, '5.7.1 Sender address rejected'],
    [
      'requires a password, in response to the recipient',
      'onRcptTo',
      530,
      'Authentication required',
    ],
    ['does not relay for us', 'onRcptTo', 554, '5.7.1 Relay access denied'],
    [
      'requires another sender, in response to the recipient',
      'onRcptTo',
      550,
      '5.1.8 Sender address rejected',
    ],
    ['reports a bad sequence', 'onRcptTo', 503, '5.5.1 Need MAIL command'],
  ])('is retried if the server %s', async (_, command, responseCode, said) => {
    const refusals = [Object.assign(new Error(said), { responseCode })];
    const { url } = await anSmtpServer({
      hideENHANCEDSTATUSCODES: true,
      [command]: (_address: unknown, _session: unknown, done: (error?: Error) => void) => {
        done(refusals.pop());
      },
    });
    const { lines } = running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    await ended('APPROVED');
    expect(await settled()).toEqual([{ status: 'sent', attempts: 2, lastError: null }]);
    const reason = `the e-mail was not sent (EENVELOPE, the server responded ${String(responseCode)})`;
    expect(lines[0]).toMatchObject({ msg: 'e-mail not sent', reason });
  });

  it('is retried if the server refuses DATA', async () => {
    const attempts: string[] = [];
    const server = await startTcpServer((socket) => {
      socket.write('220 hello\r\n');
      socket.on('data', (chunk: Buffer) => {
        const command = chunk.toString().slice(0, 4);
        if (command === 'DATA') attempts.push(command);
        socket.write(command === 'DATA' ? '554 5.3.2 not today\r\n' : '250 well\r\n');
      });
    });
    opened.push(server.close);
    const url = `smtp://127.0.0.1:${String(server.port)}`;
    running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    await ended('APPROVED');
    const reason = 'the e-mail was not sent (EENVELOPE, the server responded 554)';
    expect(await settled()).toEqual([{ status: 'failed', attempts: 3, lastError: reason }]);
    expect(attempts).toHaveLength(3);
  });

  it.each([
    [550, '5.1.1 No such user'],
    [550, 'No such user'],
    [552, '5.2.2 Mailbox full'],
    [501, 'Bad recipient address syntax'],
  ])('fails if the server refuses the recipient with %d: %s', async (responseCode, said) => {
    const { url } = await anSmtpServer({
      hideENHANCEDSTATUSCODES: true,
      onRcptTo: (_address, _session, done) => {
        done(Object.assign(new Error(said), { responseCode }));
      },
    });
    running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    await ended('APPROVED');
    expect(await settled()).toMatchObject([{ status: 'failed', attempts: 1 }]);
  });

  it('fails if the server refuses its content', async () => {
    const { url } = await anSmtpServer({
      onData: (stream, _, done) => {
        stream.resume();
        stream.on('end', () => {
          done(Object.assign(new Error('looks like spam'), { responseCode: 554 }));
        });
      },
    });
    running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    await ended('APPROVED');
    const reason = 'the e-mail was not sent (EMESSAGE, the server responded 554)';
    expect(await settled()).toEqual([{ status: 'failed', attempts: 1, lastError: reason }]);
  });

  it('is retried if the login fails, and no password is logged', async () => {
    const { port } = await anSmtpServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (_, __, done) => {
        done(new Error('wrong hunter2'));
      },
    });
    const url = `smtp://user:hunter2@127.0.0.1:${String(port)}`;
    const { lines } = running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    await ended('APPROVED');
    const [job] = await settled();
    expect(job).toMatchObject({ status: 'failed', attempts: 3 });
    expect(job!.lastError).toMatch(/EAUTH, the server responded 535/);
    expect(JSON.stringify([lines, job])).not.toMatch(/hunter2|cristina@/);
  });

  it('does not wait for a hanging server at a stop, and is left for the next process', async () => {
    const server = await startTcpServer(() => undefined);
    opened.push(server.close);
    const send = createSendEmail({
      url: `smtp://127.0.0.1:${String(server.port)}`,
      from,
      timeoutMs: 60_000,
    });
    const { stop } = running(send, { SHUTDOWN_TIMEOUT_MS: 200 });
    await ended('APPROVED');
    await until(() => server.connections() > 0);
    await stop();
    // If it had waited for the silent server, this would count as an attempt.
    const { rows } = await sql`select status, attempts from email_jobs`.execute(database().db);
    expect(rows).toEqual([{ status: 'pending', attempts: 0 }]);
  });

  it('fails in time if the server hangs', async () => {
    const server = await startTcpServer(() => undefined);
    opened.push(server.close);
    running(
      createSendEmail({ url: `smtp://127.0.0.1:${String(server.port)}`, from, timeoutMs: 100 }),
    );
    await ended('APPROVED');
    expect(await settled()).toMatchObject([{ status: 'failed', attempts: 3 }]);
    await until(() => server.connections() === 0);
  });

  it('fails in time if the server drips its responses', async () => {
    let heard = '';
    const server = await startTcpServer((socket) => {
      const drip = setInterval(() => socket.write('250-still thinking\r\n'), 10);
      socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
      socket.on('close', () => {
        clearInterval(drip);
      });
      socket.write('220 hello\r\n');
    });
    opened.push(server.close);
    jest.useFakeTimers({ doNotFake: allButTimeouts });
    opened.push(() => Promise.resolve(void jest.useRealTimers()));
    const timeoutMs = 60_000;
    const send = createSendEmail({
      url: `smtp://127.0.0.1:${String(server.port)}`,
      from,
      timeoutMs,
    });
    const email = {
      to: 'cristina@example.com',
      messageId: '1@x',
      subject: 'x',
      text: 'x',
      html: 'x',
    };
    const sending = send(email, new AbortController().signal);
    const failed = expect(sending).rejects.toMatchObject({
      message: 'the e-mail was not sent (EABORT)',
      isPermanent: false,
    });
    await until(() => heard.startsWith('EHLO'));
    jest.advanceTimersByTime(4 * timeoutMs);
    await failed;
  });

  it('is sent once by two workers', async () => {
    const { mails, url } = await anSmtpServer();
    for (let i = 0; i < 2; i++) running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    for (let i = 0; i < 20; i++) await ended('APPROVED', { email: `user${String(i)}@example.com` });
    await settled();
    expect(mails).toHaveLength(20);
    expect(new Set(mails.flatMap(({ to }) => to)).size).toBe(20);
  });

  it('is not created for an order without an address', async () => {
    const orders = createOrderStore(database().db);
    const order = anOrder();
    await orders.insert(order, 60_000);
    await orders.decide(order.id, 'APPROVED');
    const { rows } = await sql`select 1 from email_jobs`.execute(database().db);
    expect(rows).toEqual([]);
  });

  it('is skipped by a sweep if sending is off, and not sent later', async () => {
    const { sweeps } = running();
    await ended('APPROVED');
    for (const { sweep } of sweeps) await sweep(new AbortController().signal);
    expect(await settled()).toEqual([{ status: 'skipped', attempts: 0, lastError: null }]);
    const { mails, url } = await anSmtpServer();
    running(createSendEmail({ url, from, timeoutMs: 60_000 }));
    await ended('REJECTED');
    expect((await settled()).map(({ status }) => status)).toEqual(['skipped', 'sent']);
    expect(mails).toHaveLength(1);
  });
});
