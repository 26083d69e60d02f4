/** The built services with tracing on, and a receiver of OTLP that decodes what they export. */
import type { IncomingHttpHeaders } from 'node:http';
import { json } from 'node:stream/consumers';
import { startHttpServer, until } from '@loan-buddy/kit/testing';
import { testServer } from '../services/offers/test/database';
import { atEnd } from './support/at-end';
import { inParallel, postCheckout, untilFinal, type OrderBody } from './support/client';
import { freePort } from './support/free-port';
import { drawTrace, startOtlpReceiver } from './support/otlp-receiver';
import { newStorage, storageName } from './support/postgres';
import { setUp } from './support/service-pair';
import { startService } from './support/service-process';
import {
  afterDecision,
  cristina,
  expectIds,
  exemplarsOf,
  expectNoPersonalData,
  inTrace,
  mailed,
  notified,
  PARENT,
  register,
  startReceivers,
  TRACE,
  traced,
  uncached,
  untilReceived,
  untilServed,
} from './support/traced-checkout';

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
    await expectIds(running.offers.log, 'request', checkout);
    await expectIds(running.offers.log, 'order decided', one('get decision'));
    await expectIds(running.offers.log, 'webhook delivered', one('deliver webhook'));
    await expectIds(running.offers.log, 'e-mail sent', one('send e-mail'));
    await expectIds(running['confirm-payment'].log, 'request', one('POST /confirm-payment'));
    for (const [service, route] of [
      ['offers', '/checkout'],
      ['confirm-payment', '/confirm-payment'],
    ] as const) {
      expect(await exemplarsOf(running[service].url, route)).toEqual([TRACE]);
    }
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
    await expectIds(log, 'order processed', attempt);
  });

  it('is not recorded if its client does not record it, nor in confirm-payment', async () => {
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

describe(`statements on ${storageName}`, () => {
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
        'server.address': testServer === undefined ? 'embedded' : new URL(testServer).hostname,
      },
    });
  });
});
