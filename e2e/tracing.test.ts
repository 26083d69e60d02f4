/** The built services with tracing on, and a receiver of OTLP that decodes what they export. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { startHttpServer, until } from '@loan-buddy/kit/testing';
import { SMTPServer } from 'smtp-server';
import { atEnd } from './support/at-end';
import { inParallel, postCheckout, untilFinal, type OrderBody } from './support/client';
import { freePort } from './support/free-port';
import { startOtlpReceiver, type ReceivedSpan } from './support/otlp-receiver';
import { drawTrace } from './support/otlp-tree';
import { describeOnce, describeWithServer, newStorage, storageName } from './support/postgres';
import { describeWithPubSub } from './support/pubsub';
import { setUp, setUpPubSub } from './support/service-pair';
import { root, startService, type ServiceProcess } from './support/service-process';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
/** The client's own span. */
const PARENT = '00f067aa0ba902b7';
const traced = { traceparent: `00-${TRACE}-${PARENT}-01` };
const cristina = { user_id: 'cristina', loan_id: 'offer2', email: 'cristina@example.com' };

/** Every request asks its provider, so that a trace does not depend on what is cached. */
const uncached = { OFFERS_TTL_MS: '0', OFFERS_MAX_AGE_MS: '0' };

/** Starts a mail server and a receiver of webhooks. Returns the environment, and what requests the receiver got. */
async function startReceivers() {
  const mail = new SMTPServer({ authOptional: true, disabledCommands: ['STARTTLS'] });
  mail.listen(0, '127.0.0.1');
  await once(mail.server, 'listening');
  atEnd(() => new Promise<void>((resolve) => { mail.close(resolve); }));
  const { port } = mail.server.address() as AddressInfo;
  const requests: IncomingHttpHeaders[] = [];
  const webhooks = await startHttpServer((req, res) => {
    requests.push(req.headers);
    req.resume();
    res.end();
  });
  atEnd(webhooks.close);
  const env = {
    ALLOW_PRIVATE_WEBHOOKS: 'true',
    SMTP_URL: `smtp://127.0.0.1:${String(port)}`,
    SMTP_FROM: 'offers@example.com',
  };
  return { env, webhookUrl: `${webhooks.url}/token-4711`, requests };
}

/** Sends a request until it is not shed: a slow machine may be overloaded. */
async function untilServed(send: () => Promise<Response>): Promise<Response> {
  let response: Response | undefined;
  await until(async () => (response = await send()).status !== 503);
  return response!;
}

async function register(url: string, webhookUrl: string) {
  const response = await untilServed(() =>
    fetch(`${url}/webhook-endpoints`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ url: webhookUrl }),
    }),
  );
  expect(response.status).toBe(201);
}

/** Waits until spans with all of these names have arrived. */
function untilReceived(spans: readonly ReceivedSpan[], names: readonly string[]) {
  return until(() => names.every((name) => spans.some((span) => span.name === name)));
}

function inTrace(spans: readonly ReceivedSpan[], traceId = TRACE) {
  const own = spans.filter((span) => span.traceId === traceId);
  // Requests that were shed before the one that was served.
  const served = own.filter(({ attributes }) => attributes['http.response.status_code'] !== 503);
  const one = (name: string, service?: string) => {
    const found = served.filter(
      (span) => span.name === name && (service === undefined || span.service === service),
    );
    if (found.length !== 1) throw new Error(`${String(found.length)} spans ${name}`);
    return found[0]!;
  };
  return { own: served, one };
}

/** Expects the ids of the service's own span in all log lines about the request, or of a job. */
function expectIds(log: ServiceProcess['log'], msg: string, span: ReceivedSpan, fields = {}) {
  expect(log).toContainEqual(
    expect.objectContaining({ msg, trace_id: TRACE, span_id: span.spanId, ...fields }),
  );
}

function expectNoPersonalData(spans: readonly ReceivedSpan[]) {
  const text = JSON.stringify(spans);
  for (const secret of ['cristina', 'example.com', 'token-4711'])
    expect(text).not.toContain(secret);
  const keys = new Set(
    spans
      .filter(({ kind }) => kind === 'SERVER')
      .flatMap(({ attributes }) => Object.keys(attributes)),
  );
  for (const key of ['client.address', 'network.peer.address', 'url.query', 'user_agent.original'])
    expect(keys).not.toContain(key);
}

const afterDecision = [
  'deliver webhook',
  'UPDATE webhook_deliveries',
  'send e-mail',
  'UPDATE email_jobs',
];

const notified = [
  '  offers: deliver webhook',
  '    offers: POST',
  '    offers: UPDATE webhook_deliveries',
];
const mailed = ['  offers: send e-mail', '    offers: UPDATE email_jobs'];

describe(`a checkout over HTTP, on ${storageName}`, () => {
  it('is one trace, from the client to the webhook and the e-mail', async () => {
    const receiver = await startOtlpReceiver();
    const { env, webhookUrl, requests } = await startReceivers();
    const { url, running } = await setUp({ ...receiver.env, ...uncached, ...env });
    await register(url, webhookUrl);
    const response = await untilServed(() => postCheckout(url, cristina, traced));
    expect(response.status).toBe(201);
    const { id } = (await response.json()) as OrderBody;
    await untilReceived(receiver.spans, [
      ...afterDecision,
      'POST /checkout',
      'POST /confirm-payment',
    ]);

    const { own, one } = inTrace(receiver.spans);
    expect(drawTrace(own, PARENT)).toEqual([
      'offers: POST /checkout',
      ...notified,
      '  offers: get decision',
      '    offers: POST',
      '      confirm-payment: POST /confirm-payment',
      '        confirm-payment: decide',
      '    offers: decide order',
      '      offers: UPDATE orders',
      '  offers: insert order',
      '    offers: INSERT orders',
      '  offers: read ProviderB',
      '    offers: ask ProviderB',
      ...mailed,
    ]);
    const checkout = one('POST /checkout');
    expect(checkout).toMatchObject({
      kind: 'SERVER',
      attributes: {
        'http.request.method': 'POST',
        'http.response.status_code': 201,
        'http.route': '/checkout',
        'loan_buddy.order.id': id,
      },
    });
    expect(one('INSERT orders')).toMatchObject({
      kind: 'CLIENT',
      attributes: { 'db.system.name': 'postgresql', 'db.query.summary': 'INSERT orders' },
    });
    for (const name of ['deliver webhook', 'send e-mail']) {
      const links = [{ traceId: TRACE, spanId: checkout.spanId }];
      expect(one(name)).toMatchObject({ kind: 'CONSUMER', links });
    }
    expectIds(running.offers.log, 'request', checkout, { route: '/checkout' });
    expectIds(running.offers.log, 'order decided', one('get decision'));
    expectIds(running.offers.log, 'webhook delivered', one('deliver webhook'));
    expectIds(running.offers.log, 'e-mail sent', one('send e-mail'));
    expectIds(running['confirm-payment'].log, 'request', one('POST /confirm-payment'));
    expectNoPersonalData(receiver.spans);
    // Servers that others run do not learn of it.
    expect(requests.map(({ traceparent }) => traceparent)).toEqual([undefined]);
  });

  it('links to a batch, and the batch to all of its checkouts', async () => {
    const receiver = await startOtlpReceiver();
    const { url } = await setUp({ ...receiver.env, MAX_CONCURRENT_REQUESTS: '1000' });
    const count = 40;
    const traceOf = (i: number) => (i + 1).toString(16).padStart(32, '0');
    await inParallel(count, count, async (i) => {
      const traceparent = `00-${traceOf(i)}-${PARENT}-01`;
      await untilServed(() =>
        postCheckout(url, { user_id: 'cristina', loan_id: 'offer2' }, { traceparent }),
      );
    });
    const named = (name: string) => receiver.spans.filter((span) => span.name === name);
    await until(
      () => named('insert order').length === count && named('decide order').length === count,
    );
    const batches = named('insert order batch');
    expect(batches.length).toBeGreaterThan(0);
    for (const batch of batches) {
      const waits = named('insert order').filter(({ links }) =>
        links.some(({ spanId }) => spanId === batch.spanId),
      );
      expect(batch.links.map(({ spanId }) => spanId).sort()).toEqual(
        waits.map(({ spanId }) => spanId).sort(),
      );
      expect(batch.attributes['loan_buddy.batch.size']).toBe(waits.length);
      expect(new Set(waits.map(({ traceId }) => traceId)).size).toBe(waits.length);
      const statements = receiver.spans.filter(({ parentSpanId }) => parentSpanId === batch.spanId);
      expect(statements.map(({ name }) => name)).toEqual(['INSERT orders']);
    }
  });

  it('is continued by a worker after a SIGKILL, in its trace and with a link', async () => {
    const receiver = await startOtlpReceiver();
    const asked: IncomingHttpHeaders[] = [];
    const orders: { order_id: string }[] = [];
    const held = await startHttpServer((req) => {
      asked.push(req.headers);
      void json(req).then((body) => orders.push(body as { order_id: string }));
    });
    atEnd(held.close);
    const confirmPayment = await startService('confirm-payment', receiver.env);
    const storage = {
      ...receiver.env,
      ...(await newStorage()),
      PORT: String(await freePort()),
      CONFIRM_PAYMENT_TIMEOUT_MS: '1000',
      DATABASE_TIMEOUT_MS: '2000',
    };
    const killed = await startService('offers', {
      ...storage,
      CONFIRM_PAYMENT_URL: held.url,
      // Its spans are lost with it.
      OTEL_BSP_SCHEDULE_DELAY: '3600000',
    });
    const lost = untilServed(() => postCheckout(killed.url, cristina, traced)).catch(
      () => undefined,
    );
    await until(() => orders.length > 0);
    expect(asked[0]!['traceparent']).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    killed.kill('SIGKILL');
    await Promise.all([killed.exit, lost]);

    const { url, log } = await startService('offers', {
      ...storage,
      CONFIRM_PAYMENT_URL: confirmPayment.url,
    });
    await untilFinal(url, [orders[0]!.order_id]);
    await untilReceived(receiver.spans, [
      'attempt decision',
      'POST /confirm-payment',
      'UPDATE orders',
    ]);
    const events = await (await fetch(`${url}/orders/${orders[0]!.order_id}/events`)).text();
    const [, checkoutSpan] = new RegExp(`"00-${TRACE}-([0-9a-f]{16})-01"`).exec(events)!;
    const { own, one } = inTrace(receiver.spans);
    expect(drawTrace(own, checkoutSpan!)).toEqual([
      'offers: attempt decision',
      '  offers: POST',
      '    confirm-payment: POST /confirm-payment',
      '      confirm-payment: decide',
      '  offers: decide order',
      '    offers: UPDATE orders',
    ]);
    const attempt = one('attempt decision');
    expect(attempt.links).toEqual([{ traceId: TRACE, spanId: checkoutSpan }]);
    expectIds(log, 'order processed', attempt);
  });

  it('is not recorded if its client does not record it, and says so to confirm-payment', async () => {
    const receiver = await startOtlpReceiver();
    const asked: IncomingHttpHeaders[] = [];
    const decider = await startHttpServer((req, res) => {
      asked.push(req.headers);
      req.resume();
      res.end('{"status":"APPROVED"}');
    });
    atEnd(decider.close);
    const { url, log, kill, exit } = await startService('offers', {
      ...receiver.env,
      CONFIRM_PAYMENT_URL: decider.url,
    });
    const traceparent = `00-${TRACE}-${PARENT}-00`;
    const response = await untilServed(() => postCheckout(url, cristina, { traceparent }));
    expect(response.status).toBe(201);
    expect(asked.map((headers) => headers['traceparent'])).toEqual([
      expect.stringMatching(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`)),
    ]);
    kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(receiver.spans).toEqual([]);
    expect(log.find(({ route }) => route === '/checkout')).toMatchObject({ trace_id: TRACE });
  });
});

describeWithServer('statements on a PostgreSQL server', () => {
  it('have the names and attributes of the semantic conventions', async () => {
    const receiver = await startOtlpReceiver();
    const { url } = await setUp(receiver.env);
    await untilServed(() => postCheckout(url, cristina, traced));
    await untilReceived(receiver.spans, ['UPDATE orders', 'POST /checkout']);
    expect(inTrace(receiver.spans).one('INSERT orders')).toMatchObject({
      kind: 'CLIENT',
      attributes: {
        'db.system.name': 'postgresql',
        'db.namespace': expect.any(String),
        'db.query.summary': 'INSERT orders',
        'db.query.text': expect.stringContaining('insert into orders'),
        'server.address': expect.any(String),
      },
    });
  });
});

describeWithPubSub(`a checkout over Pub/Sub, on ${storageName}`, () => {
  it('is one trace, through both topics to the webhook and the e-mail', async () => {
    const receiver = await startOtlpReceiver();
    const { env, webhookUrl } = await startReceivers();
    const { url, running } = await setUpPubSub({
      ...receiver.env,
      ...uncached,
      ...env,
      EVENT_BUS: 'none',
      // One attempt, even on a slow machine.
      DECISION_TIMEOUT_MS: '3600000',
    });
    await register(url, webhookUrl);
    const headers = { ...traced, Prefer: 'respond-async' };
    const response = await untilServed(() => postCheckout(url, cristina, headers));
    expect(response.status).toBe(202);
    await untilReceived(receiver.spans, [...afterDecision, 'POST /checkout', 'attempt decision']);

    const { own, one } = inTrace(receiver.spans);
    expect(drawTrace(own, PARENT)).toEqual([
      'offers: POST /checkout',
      '  offers: attempt decision',
      '    offers: SELECT order_events',
      '    offers: UPDATE orders',
      '    offers: send loan-buddy-checkouts',
      '      confirm-payment: process loan-buddy-checkouts-confirm-payment',
      '        confirm-payment: decide',
      '        confirm-payment: send loan-buddy-decisions',
      '          offers: process loan-buddy-decisions-offers',
      '            offers: SELECT orders',
      '            offers: decide order',
      '              offers: UPDATE orders',
      ...notified,
      '  offers: insert order',
      '    offers: INSERT orders',
      '  offers: read ProviderB',
      '    offers: ask ProviderB',
      ...mailed,
    ]);
    for (const [name, kind, operation] of [
      ['send loan-buddy-checkouts', 'PRODUCER', 'send'],
      ['process loan-buddy-checkouts-confirm-payment', 'CONSUMER', 'process'],
      ['send loan-buddy-decisions', 'PRODUCER', 'send'],
      ['process loan-buddy-decisions-offers', 'CONSUMER', 'process'],
    ] as const) {
      const span = one(name);
      const attributes = {
        'messaging.system': 'gcp_pubsub',
        'messaging.operation.type': operation,
        'messaging.message.id': expect.any(String),
      };
      expect(span).toMatchObject({ kind, attributes });
      if (kind === 'CONSUMER')
        expect(span.links).toEqual([{ traceId: TRACE, spanId: span.parentSpanId }]);
    }
    expect(one('attempt decision').links).toEqual([
      { traceId: TRACE, spanId: one('POST /checkout').spanId },
    ]);
    expectIds(running.offers.log, 'request', one('POST /checkout'), { route: '/checkout' });
    expectIds(running.offers.log, 'order processed', one('attempt decision'));
    const applied = one('process loan-buddy-decisions-offers');
    expectIds(running.offers.log, 'order decided', applied);
    expectNoPersonalData(receiver.spans);
  });
});

describeOnce('tracing', () => {
  it('exports the last spans before the process exits', async () => {
    const receiver = await startOtlpReceiver();
    const env = { ...receiver.env, OTEL_BSP_SCHEDULE_DELAY: '3600000' };
    const { url, kill, exit } = await startService('confirm-payment', env);
    await fetch(`${url}/confirm-payment`, { method: 'POST' });
    // Requests of probes are not traced.
    await fetch(`${url}/livez`);
    kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(receiver.spans.map(({ name }) => name)).toEqual(['POST /confirm-payment']);
  });

  it('costs a warning if the collector is unreachable', async () => {
    const { url, log, kill, exit } = await startService('confirm-payment', {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${String(await freePort())}`,
      OTEL_BSP_SCHEDULE_DELAY: '100',
    });
    expect((await fetch(`${url}/confirm-payment`, { method: 'POST' })).status).toBe(415);
    await until(() => log.some(({ msg }) => msg === 'tracing is impaired'));
    kill('SIGTERM');
    expect(await exit).toBe(0);
    const notInfo = log.filter(({ level }) => level !== 'info');
    expect(notInfo).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: 'tracing is impaired',
        reason: expect.stringContaining('ECONNREFUSED'),
      }),
    ]);
  });

  it('loads the SDK only if it is on', () => {
    const telemetry = join(root, 'services', 'kit', 'dist', 'telemetry');
    const script = `
      const { startTracing } = require(${JSON.stringify(telemetry)});
      startTracing('offers', process.env);
      const files = Object.keys(require.cache);
      console.log(files.some((file) => /opentelemetry.(sdk|instrumentation)/.test(file)));
      process.exit();`;
    const loads = (env: NodeJS.ProcessEnv) =>
      execFileSync(process.execPath, ['-e', script], { env, encoding: 'utf8' }).trim();
    const endpoint = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/v1/traces' };
    expect(loads({})).toBe('false');
    expect(loads({ ...endpoint, OTEL_SDK_DISABLED: 'true' })).toBe('false');
    expect(loads(endpoint)).toBe('true');
  });
});
