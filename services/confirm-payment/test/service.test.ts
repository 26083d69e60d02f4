import { createServiceTokenSigner } from '@loan-buddy/kit/admission';
import type { MessageBus } from '@loan-buddy/kit/messaging';
import {
  createComponentCheck,
  createOpenApiCheck,
  createTokenIssuer,
  recordingLogger,
} from '@loan-buddy/kit/testing';
import request from 'supertest';
import { createApp } from '../src/app';
import { readConfig } from '../src/config';
import { createContext } from '../src/context';
import { decidedEventSchema, type DecidedEvent } from '../src/decide-checkout';

/** The service as configured, without a listener. */
function aContext(env: NodeJS.ProcessEnv = {}, bus?: MessageBus) {
  return createContext(readConfig(env), { logger: recordingLogger().logger, bus });
}

const setUp = (env?: NodeJS.ProcessEnv) => createApp(aContext(env));

const payment = { order_id: 'order-123', amount: 12_000, status: 'PENDING' };

describe('POST /confirm-payment', () => {
  it.each([
    [12_000, '{"status":"APPROVED"}'],
    [10_000, '{"status":"APPROVED"}'],
    [9_000, '{"status":"REJECTED"}'],
  ])('responds to an amount of %d with exactly %s', async (amount, text) => {
    const response = await request(setUp())
      .post('/confirm-payment')
      .send({ ...payment, amount });
    expect([response.status, response.text]).toEqual([200, text]);
  });

  it('depends only on the amount', async () => {
    const app = setUp();
    for (const order_id of ['order-123', 'order-124', 'x']) {
      const response = await request(app)
        .post('/confirm-payment')
        .send({ ...payment, order_id });
      expect(response.text).toBe('{"status":"APPROVED"}');
    }
  });

  it.each([
    [{ ...payment, order_id: '' }, '#/order_id'],
    [{ ...payment, order_id: 7 }, '#/order_id'],
    [{ ...payment, amount: -1 }, '#/amount'],
    [{ ...payment, amount: '12000' }, '#/amount'],
    [{ ...payment, amount: null }, '#/amount'],
    [{ ...payment, status: 'APPROVED' }, '#/status'],
    [{ order_id: 'a', amount: 1 }, '#/status'],
  ])('refuses %j and points at the fault', async (body, pointer) => {
    const response = await request(setUp()).post('/confirm-payment').send(body).expect(400);
    expect(response.body).toMatchObject({ code: 'validation-failed', errors: [{ pointer }] });
  });

  it('refuses a number that JSON allows but no loan can have', async () => {
    await request(setUp())
      .post('/confirm-payment')
      .set('Content-Type', 'application/json')
      .send('{"order_id":"a","amount":1e999,"status":"PENDING"}')
      .expect(400);
  });

  it('responds with 503 to a simulated failure', async () => {
    const response = await request(setUp({ SIMULATED_FAILURE_RATE: '1' }))
      .post('/confirm-payment')
      .send(payment);
    expect(response.status).toBe(503);
    expect(response.headers['retry-after']).toBe('1');
  });
});

describe('a service token', () => {
  const secrets = ['s'.repeat(32)];
  const parties = { issuer: 'offers', audience: 'confirm-payment' };
  type TokenOptions = Parameters<typeof createServiceTokenSigner>[1];
  const guarded = () => setUp({ SERVICE_AUTH_SECRETS: secrets.join() });
  const post = async (tokenOptions: TokenOptions) => {
    const token = await createServiceTokenSigner(secrets, tokenOptions)('request-1');
    const { status, headers, body } = await request(guarded())
      .post('/confirm-payment')
      .auth(token, { type: 'bearer' })
      .send(payment);
    const { code } = body as { code?: string };
    return [status, code, headers['www-authenticate']];
  };

  it('gets a decision with the scope payments:confirm', async () => {
    expect(await post({ ...parties, scope: 'payments:confirm' })).toEqual([
      200,
      undefined,
      undefined,
    ]);
  });

  it.each([
    ['another scope', { ...parties, scope: 'orders:admin' }],
    ['an empty scope', { ...parties, scope: '' }],
    ['no scope', parties as TokenOptions],
  ])('is refused with %s', async (_, tokenOptions) => {
    expect(await post(tokenOptions)).toEqual([
      403,
      'insufficient-scope',
      'Bearer realm="loan-buddy", error="insufficient_scope", scope="payments:confirm"',
    ]);
  });

  it('is not a token of a user, whatever its claims', async () => {
    const { sign } = await createTokenIssuer();
    const token = await sign({ iss: 'offers', aud: 'confirm-payment', scope: 'payments:confirm' });
    await request(guarded())
      .post('/confirm-payment')
      .auth(token, { type: 'bearer' })
      .send(payment)
      .expect(401);
  });

  it('is refused if it is for another service', async () => {
    const tokenOptions = { ...parties, audience: 'offers', scope: 'payments:confirm' };
    expect(await post(tokenOptions)).toEqual([
      401,
      'token-invalid',
      'Bearer realm="loan-buddy", error="invalid_token", error_description="A claim of the token is wrong."',
    ]);
  });
});

describe('the published OpenAPI document', () => {
  const overPubSub = { APPROVAL_TRANSPORT: 'pubsub', PUBSUB_PROJECT_ID: 'loan-buddy' };

  it.each([12_000, 9_000])('has the schema of the event that decides on %d', async (amount) => {
    const published: DecidedEvent[] = [];
    let decideCheckout: ((body: string) => Promise<void>) | undefined;
    aContext(overPubSub, {
      publish: (_, { body }) => {
        published.push(JSON.parse(body) as DecidedEvent);
        return Promise.resolve();
      },
      subscribe: (_, { handle }) => (decideCheckout = handle),
      close: () => Promise.resolve(),
    }).start();
    await decideCheckout!(
      JSON.stringify({
        specversion: '1.0',
        type: 'com.loanbuddy.order.checkout_submitted',
        data: { ...payment, amount },
      }),
    );
    const { body: document } = await request(setUp()).get('/openapi.json').expect(200);
    const check = createComponentCheck(document as object);
    const [event] = published;
    check('PaymentDecidedEvent', event);
    expect(() => {
      check('PaymentDecidedEvent', { ...event, data: { ...event!.data, status: 'PENDING' } });
    }).toThrow(/\/data\/status must be/);
    // Parsing drops nothing: the event has no field outside the schema.
    expect(decidedEventSchema.parse(event)).toEqual(event);
  });

  it('describes the responses of every route', async () => {
    const app = setUp();
    const { body: document } = await request(app).get('/openapi.json').expect(200);
    const check = createOpenApiCheck(document as object);
    check('POST', '/confirm-payment', await request(app).post('/confirm-payment').send(payment));
    check('POST', '/confirm-payment', await request(app).post('/confirm-payment').send({}));
    check('POST', '/confirm-payment', await request(app).post('/confirm-payment').send('text'));
    for (const path of ['/', '/health', '/livez', '/readyz', '/openapi.json']) {
      check('GET', path, await request(app).get(path).expect(200));
    }
    for (const path of ['/metrics', '/docs']) {
      const { status, headers, text } = await request(app).get(path).expect(200);
      check('GET', path, { status, headers, body: text });
    }
    expect(check.unchecked()).toEqual([]);
  });
});
