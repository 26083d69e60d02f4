/** As tracing.test.ts, over Pub/Sub. */
import { postCheckout } from './support/client';
import { drawTrace, startOtlpReceiver } from './support/otlp-receiver';
import { storageName } from './support/postgres';
import { describeWithPubSub } from './support/pubsub';
import { setUpPubSub } from './support/service-pair';
import {
  afterDecision,
  cristina,
  expectIds,
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
    // Whether the order is read again depends on which message is faster.
    const drawn = drawTrace(own, PARENT).filter((line) => !line.endsWith('SELECT orders'));
    expect(drawn).toEqual([
      'offers: POST /checkout',
      '  offers: attempt decision',
      '    offers: SELECT order_events',
      '    offers: record request',
      '      offers: UPDATE orders',
      '    offers: send loan-buddy-checkouts',
      '      confirm-payment: process loan-buddy-checkouts-confirm-payment',
      '        confirm-payment: decide',
      '        confirm-payment: send loan-buddy-decisions',
      '          offers: process loan-buddy-decisions-offers',
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
    await expectIds(running.offers.log, 'request', one('POST /checkout'));
    await expectIds(running.offers.log, 'order processed', one('attempt decision'));
    const applied = one('process loan-buddy-decisions-offers');
    await expectIds(running.offers.log, 'order decided', applied);
    expectNoPersonalData(receiver.spans);
  });
});
