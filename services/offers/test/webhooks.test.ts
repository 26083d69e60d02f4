// Long, because every case of a delivery needs the same receivers, database and running workers.
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import {
  createWebhookCheck,
  itUnless,
  startHttpServer,
  eventLoopTurns,
  until,
} from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import { register as metrics } from 'prom-client';
import { Webhook } from 'standardwebhooks';
import request from 'supertest';
import { MAX_RECEIVERS } from '../src/webhooks/receiver-store';
import { anOrder } from './builders';
import { useService, type Parts } from './service';
import { withoutServer } from './database';
import { decided, register } from './receivers';

const aService = useService();
type Service = ReturnType<typeof aService>;

const opened: { close: () => Promise<void> }[] = [];
const started: { stop: () => Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.stop()));
  for (const each of opened.splice(0)) await each.close();
  await aService().db.deleteFrom('webhookEndpoints').execute();
});

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver that responds with the given function, and stores what it receives. */
async function aReceiver(respond: (res: ServerResponse, count: number) => void = respondWith(200)) {
  const received: Received[] = [];
  const server = await startHttpServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString()));
    req.on('end', () => {
      received.push({ headers: req.headers, body });
      respond(res, received.length);
    });
  });
  opened.push(server);
  return { ...server, received };
}

function respondWith(...statuses: number[]) {
  return (res: ServerResponse, count: number) => {
    res.writeHead(statuses[Math.min(count, statuses.length) - 1]!).end();
  };
}

const hang = () => undefined;

/** The whole service with the webhook worker running. */
function running(parts: Parts = {}): Service {
  const service = aService(parts);
  service.webhooks.start();
  started.push(service.webhooks);
  return service;
}

async function deliveriesOf({ app }: Service, id: string) {
  const { body } = await request(app).get(`/webhook-endpoints/${id}/deliveries`).expect(200);
  return body as { id: string; status: string; attempts: number; last_error: string | null }[];
}

/** Waits until the newest delivery is no longer pending. */
async function settled(service: Service, id: string) {
  await until(async () => (await deliveriesOf(service, id))[0]?.status !== 'pending');
  return (await deliveriesOf(service, id))[0]!;
}

const verify = (secret: string, { body, headers }: Received) =>
  new Webhook(secret).verify(body, headers as Record<string, string>);

describe('a webhook', () => {
  it('reports a decision, with a valid signature, as the OpenAPI document describes', async () => {
    const service = running();
    const receiver = await aReceiver();
    const { id, secret } = await register(service, receiver);
    const order = await decided(service);
    await until(() => receiver.received.length === 1);
    const [got] = receiver.received;
    const message = verify(secret, got!) as Record<string, unknown>;
    expect(message).toMatchObject({
      type: 'com.loanbuddy.order.approved',
      data: { order_id: order.id, status: 'APPROVED' },
    });
    expect(Object.keys(message)).toEqual(['type', 'timestamp', 'data']);
    const { body: document } = await request(service.app).get('/openapi.json');
    const check = createWebhookCheck(document as object);
    check('com.loanbuddy.order.approved', message);
    expect(() => {
      check('com.loanbuddy.order.rejected', message);
    }).toThrow(/data\/type must be .* data\/data\/status must be/);
    const delivery = await settled(service, id);
    expect(delivery).toMatchObject({ id: got!.headers['webhook-id'], status: 'succeeded' });
  });

  it('is delivered once if the receiver sends a 100 first, and breaks off its body', async () => {
    const service = running();
    const receiver = await aReceiver((res) => {
      res.writeContinue();
      res.writeHead(200, { 'Content-Length': '100' }).write('x');
      setImmediate(() => res.destroy());
    });
    const { id } = await register(service, receiver);
    await decided(service);
    const delivery = await settled(service, id);
    expect(delivery).toMatchObject({ status: 'succeeded', attempts: 1, last_error: null });
    expect(receiver.received).toHaveLength(1);
  });

  it.each(['APPROVED', 'REJECTED', 'FAILED'] as const)(
    'matches its schema if the order is %s, as a test message does',
    async (status) => {
      const service = running();
      const receiver = await aReceiver();
      const { id } = await register(service, receiver);
      const order = anOrder({ offer: { ...anOrder().offer, termMonths: 36 } });
      await service.orders.insert(order, 60_000);
      if (status !== 'FAILED') await service.orders.decide(order.id, status);
      else
        await service.orders.recordFailure(order.id, { reason: 'x', dueInMs: 1, maxAttempts: 1 });
      await until(() => receiver.received.length === 1);
      await request(service.app).post(`/webhook-endpoints/${id}/test`).expect(202);
      await until(() => receiver.received.length === 2);
      const { body: document } = await request(service.app).get('/openapi.json');
      const check = createWebhookCheck(document as object);
      const [first, second] = receiver.received.map(
        ({ body }) => JSON.parse(body) as { type: string },
      );
      check(`com.loanbuddy.order.${status.toLowerCase()}`, first);
      check('com.loanbuddy.webhook.test', second);
    },
  );

  it('goes only to subscribed receivers, and only for final events', async () => {
    const service = running();
    const [all, rejections, disabled] = [await aReceiver(), await aReceiver(), await aReceiver()];
    await register(service, all);
    const event_types = ['com.loanbuddy.order.rejected'];
    await register(service, rejections, { event_types });
    await register(service, disabled, { enabled: false });
    await decided(service, 'APPROVED');
    await decided(service, 'REJECTED');
    await service.orders.insert(anOrder(), 60_000);
    await until(() => all.received.length === 2 && rejections.received.length === 1);
    expect(rejections.received[0]!.body).toContain('REJECTED');
    const { rows } = await sql`select 1 from webhook_deliveries`.execute(service.db);
    expect(rows).toHaveLength(3);
    expect(disabled.received).toEqual([]);
    const ids = [...all.received, ...rejections.received].map((each) => each.headers['webhook-id']);
    expect(new Set(ids).size).toBe(2);
  });

  it('is not created for a decision that was rolled back', async () => {
    const service = aService();
    const { id } = await register(service, { url: 'http://127.0.0.1:9' });
    const order = anOrder();
    await service.orders.insert(order, 60_000);
    const failing = service.db.transaction().execute(async (trx) => {
      await sql`update orders set status = 'APPROVED', due_at = null where id = ${order.id}`.execute(
        trx,
      );
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    expect(await deliveriesOf(service, id)).toEqual([]);
  });

  it.each([[500], [404], [302], [503]])(
    'is retried after a %s, with the same id and a signature of its own time',
    async (status) => {
      const service = running();
      const receiver = await aReceiver(respondWith(status, 204));
      const { id, secret } = await register(service, receiver);
      await decided(service);
      await until(async () => {
        await sql`update webhook_endpoints set resting_until = null`.execute(service.db);
        return receiver.received.length === 2;
      });
      const [first, second] = receiver.received;
      expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
      expect(second!.body).toBe(first!.body);
      verify(secret, first!);
      verify(secret, second!);
      expect(await settled(service, id)).toMatchObject({
        status: 'succeeded',
        attempts: 2,
        last_status_code: 204,
        last_error: null,
      });
    },
  );

  it('fails after its last attempt, and is sent again on replay', async () => {
    metrics.resetMetrics();
    const service = running();
    const receiver = await aReceiver(respondWith(500, 500, 500, 200));
    const { id } = await register(service, receiver);
    await decided(service);
    const failed = await settled(service, id);
    expect(failed).toMatchObject({ status: 'failed', attempts: 3, last_error: 'responded 500' });
    const replay = `/webhook-endpoints/${id}/deliveries/${failed.id}/replay`;
    await request(service.app).post(replay).expect(202);
    expect(await settled(service, id)).toMatchObject({ status: 'succeeded', attempts: 1 });
    await request(service.app).post(replay).expect(202);
    await until(() => receiver.received.length === 5);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const counts = () => metrics.getSingleMetricAsString('loan_buddy_webhook_attempts_total');
    await until(async () => (await counts()).includes('{outcome="delivered"} 2'));
    expect(await counts()).toContain('{outcome="retried"} 2');
    expect(await counts()).toContain('{outcome="failed"} 1');
  });

  it('does not follow redirects', async () => {
    const inner = await aReceiver();
    const service = running();
    const receiver = await aReceiver((res) => res.writeHead(307, { location: inner.url }).end());
    const { id } = await register(service, receiver);
    await decided(service);
    expect(await settled(service, id)).toMatchObject({
      status: 'failed',
      last_error: 'responded 307; redirects are not followed',
    });
    expect(inner.received).toEqual([]);
  });

  it('is signed with both secrets during a rotation, and with one after it', async () => {
    const service = running();
    const receiver = await aReceiver();
    const { id, secret } = await register(service, receiver);
    const rotate = `/webhook-endpoints/${id}/rotate-secret`;
    const { body } = await request(service.app).post(rotate).expect(200);
    const { secret: next, previous_secret_until: until24h } = body as Record<string, string>;
    expect(next).not.toBe(secret);
    const hours = (Date.parse(until24h!) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThan(24.1);
    await decided(service);
    await until(() => receiver.received.length === 1);
    verify(secret, receiver.received[0]!);
    verify(next!, receiver.received[0]!);

    await sql`update webhook_endpoints set previous_secret_until = now()`.execute(service.db);
    await decided(service);
    await until(() => receiver.received.length === 2);
    verify(next!, receiver.received[1]!);
    expect(() => verify(secret, receiver.received[1]!)).toThrow('No matching signature');
  });

  it('disables a receiver that responds 410, until an operator enables it', async () => {
    const service = running();
    const receiver = await aReceiver(respondWith(410, 200));
    const { id } = await register(service, receiver);
    const path = `/webhook-endpoints/${id}`;
    await decided(service);
    const gone = await settled(service, id);
    expect(gone).toMatchObject({ status: 'failed', attempts: 1, last_error: 'responded 410' });
    const { body } = await request(service.app).get(path).expect(200);
    const disabled = { enabled: false, disabled_reason: expect.stringMatching('410') };
    expect(body).toMatchObject(disabled);
    await decided(service);
    expect(await deliveriesOf(service, id)).toHaveLength(1);
    const replay = `${path}/deliveries/${gone.id}/replay`;
    await request(service.app).post(replay).expect(409);
    await request(service.app).post(`${path}/test`).expect(409);
    const enabled = await request(service.app).patch(path).send({ enabled: true }).expect(200);
    expect(enabled.body).toMatchObject({ enabled: true, disabled_reason: null });
    await request(service.app).post(replay).expect(202);
    expect(await settled(service, id)).toMatchObject({ status: 'succeeded' });
  });

  it('waits while its receiver is disabled', async () => {
    const service = running();
    const receiver = await aReceiver(respondWith(500, 200));
    const { id } = await register(service, receiver);
    const path = `/webhook-endpoints/${id}`;
    await sql`alter table webhook_deliveries alter column due_at set default now() + interval '1 h'`.execute(
      service.db,
    );
    await decided(service);
    await sql`alter table webhook_deliveries alter column due_at set default now()`.execute(
      service.db,
    );
    await request(service.app).patch(path).send({ enabled: false }).expect(200);
    await sql`update webhook_deliveries set due_at = now()`.execute(service.db);
    // A later delivery has arrived, so the first would have too.
    const other = await aReceiver();
    await register(service, other);
    await decided(service);
    await until(() => other.received.length === 1);
    await eventLoopTurns();
    expect(receiver.received).toEqual([]);
    await request(service.app).patch(path).send({ enabled: true }).expect(200);
    expect(await settled(service, id)).toMatchObject({ status: 'succeeded', attempts: 2 });
  });

  it('pauses for as long as a receiver requests', async () => {
    const service = running();
    const receiver = await aReceiver((res, count) => {
      if (count === 1) res.writeHead(429, { 'retry-after': '3600' }).end();
      else res.end();
    });
    const { id } = await register(service, receiver);
    await decided(service);
    await until(async () => (await deliveriesOf(service, id))[0]!.attempts === 1);
    const { rows } = await sql`
      select extract(epoch from resting_until - last_attempt_at)::int as seconds
      from webhook_endpoints join webhook_deliveries on endpoint_id = webhook_endpoints.id`.execute(
      service.db,
    );
    expect(rows).toEqual([{ seconds: 3600 }]);
    const other = await aReceiver();
    await register(service, other);
    await decided(service);
    await until(() => other.received.length === 1);
    await eventLoopTurns();
    expect(receiver.received).toHaveLength(1);
    // As if the hour were over.
    await sql`update webhook_endpoints set resting_until = now()`.execute(service.db);
    await sql`update webhook_deliveries set due_at = now() where status = 'pending'`.execute(
      service.db,
    );
    await until(() => receiver.received.length === 3);
    await settled(service, id);
  });

  it('to a hanging receiver delays no other', async () => {
    const service = running({ SHUTDOWN_TIMEOUT_MS: 0 });
    const [hanging, well] = [await aReceiver(hang), await aReceiver()];
    await register(service, hanging);
    await register(service, well);
    // More deliveries than slots; the hanging receiver gets only a few slots.
    const COUNT = 150;
    for (let i = 0; i < COUNT; i++) await decided(service);
    await until(() => well.received.length === COUNT);
    expect(hanging.received).toHaveLength(4);
  });

  it('to the maximum number of hanging receivers delays no other', async () => {
    const service = running({ SHUTDOWN_TIMEOUT_MS: 0 });
    const [hanging, well] = [await aReceiver(hang), await aReceiver()];
    for (let i = 1; i < MAX_RECEIVERS; i++) await register(service, hanging);
    for (let i = 0; i < 5; i++) await decided(service);
    await until(() => hanging.received.length === 4 * (MAX_RECEIVERS - 1));
    await register(service, well);
    await decided(service);
    await until(() => well.received.length === 1);
  });

  it('ends in time if the receiver hangs', async () => {
    const service = running({ WEBHOOK_TIMEOUT_MS: 100, delaysMs: [0, 3_600_000] });
    const hanging = await aReceiver(hang);
    const { id } = await register(service, hanging);
    await decided(service);
    await until(async () => (await deliveriesOf(service, id))[0]!.attempts === 1);
    expect((await deliveriesOf(service, id))[0]).toMatchObject({
      status: 'pending',
      last_error: 'no response within 100 ms',
    });
    await until(() => hanging.connections() === 0);
  });

  it('is sent once by two workers', async () => {
    const services = [running(), running()];
    const receiver = await aReceiver((res) => setTimeout(() => res.end(), 20));
    const { id } = await register(services[0]!, receiver);
    const COUNT = 60;
    for (let i = 0; i < COUNT; i++) await decided(services[i % 2]!);
    await until(() => receiver.received.length >= COUNT);
    await until(async () => {
      const { rows } = await sql`
        select 1 from webhook_deliveries where status <> 'succeeded'`.execute(services[0]!.db);
      return rows.length === 0;
    });
    expect(receiver.received).toHaveLength(COUNT);
    const ids = new Set(receiver.received.map(({ headers }) => headers['webhook-id']));
    expect(ids.size).toBe(COUNT);
    expect(await deliveriesOf(services[0]!, id)).toHaveLength(20);
  });

  it('in progress at a stop is finished if possible', async () => {
    const service = running({ SHUTDOWN_TIMEOUT_MS: 120_000 });
    let finish: () => void = () => undefined;
    const slow = await aReceiver((res) => (finish = () => res.end()));
    const { id } = await register(service, slow);
    await decided(service);
    await until(() => slow.received.length === 1);
    const stopped = service.webhooks.stop();
    finish();
    await stopped;
    expect(await deliveriesOf(service, id)).toMatchObject([{ status: 'succeeded' }]);
  });

  it('in progress at a stop is left for the next process if the receiver hangs', async () => {
    const service = running({ SHUTDOWN_TIMEOUT_MS: 100 });
    const hanging = await aReceiver(hang);
    const { id } = await register(service, hanging);
    await decided(service);
    await until(() => hanging.received.length === 1);
    await service.webhooks.stop();
    // If it had waited for the deadline, this would count as an attempt.
    expect(await deliveriesOf(service, id)).toMatchObject([{ status: 'pending', attempts: 0 }]);
    running({ SHUTDOWN_TIMEOUT_MS: 0 });
    await until(() => hanging.received.length === 2);
  });

  it('never reaches a private address, not even by name', async () => {
    const target = await aReceiver();
    const { app, db } = aService({ ALLOW_PRIVATE_WEBHOOKS: false });
    const refused = [
      target.url,
      target.url.replace('http:', 'https:'),
      'https://10.0.0.1/',
      'https://169.254.169.254/latest/meta-data',
      'https://[::1]/',
      'https://[::ffff:127.0.0.1]/',
      'https://0x7f.1/',
      'http://example.com/',
      'ftp://example.com/',
      'https://user:pass@example.com/',
    ];
    for (const url of refused) {
      const { body } = await request(app).post('/webhook-endpoints').send({ url }).expect(400);
      expect(body).toMatchObject({
        errors: expect.arrayContaining([expect.objectContaining({ pointer: '#/url' })]),
      });
    }
    // A name is accepted, and checked when a message is sent.
    const service = running({ ALLOW_PRIVATE_WEBHOOKS: false });
    const named = target.url.replace('http://127.0.0.1', 'https://localhost');
    const { id } = await register(service, { url: named });
    await decided(service);
    expect(await settled(service, id)).toMatchObject({
      status: 'failed',
      last_status_code: null,
      last_error: 'localhost is not a public address',
    });
    // A receiver that was registered before the rules were strict.
    await sql`update webhook_endpoints set url = ${target.url}`.execute(db);
    await decided(service);
    expect(await settled(service, id)).toMatchObject({
      status: 'failed',
      last_error: 'only https URLs are allowed',
    });
    expect([target.received, target.connections()]).toEqual([[], 0]);
  });

  it('never reveals its secret', async () => {
    const service = running();
    const receiver = await aReceiver(respondWith(500, 200));
    const given = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    const { id, secret } = await register(service, receiver, { secret: given });
    expect(secret).toBe(given);
    const path = `/webhook-endpoints/${id}`;
    const { body } = await request(service.app).post(`${path}/rotate-secret`).expect(200);
    const { secret: next } = body as { secret: string };
    await decided(service);
    await settled(service, id);
    const output = [
      ...service.lines,
      (await request(service.app).get(path)).text,
      (await request(service.app).get('/webhook-endpoints')).text,
      (await request(service.app).get(`${path}/deliveries`)).text,
      (await request(service.app).patch(path).send({ description: 'x' })).text,
    ];
    expect(service.lines.map(({ msg }) => msg)).toContain('webhook delivered');
    for (const each of [given, next]) {
      expect(JSON.stringify(output)).not.toContain(each.slice('whsec_'.length));
    }
    // Nor the URL: it may contain a secret in its path.
    expect(JSON.stringify(service.lines)).not.toContain(receiver.url);
  });
});

// Concurrent transactions need a server: the embedded database has one connection.
const onServer = itUnless(withoutServer);

onServer('a receiver that is being deleted delays a decision, and does not break it', async () => {
  const service = aService();
  const { id } = await register(service, { url: 'https://example.com' });
  const order = anOrder();
  await service.orders.insert(order, 60_000);
  let deciding: Promise<{ status: string }> | undefined;
  await service.db.transaction().execute(async (trx) => {
    await trx.deleteFrom('webhookEndpoints').where('id', '=', id).execute();
    deciding = service.orders.decide(order.id, 'APPROVED');
    await until(async () => {
      const { rows } = await sql`
          select 1 from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`.execute(service.db);
      return rows.length > 0;
    });
  });
  expect(await deciding).toMatchObject({ status: 'APPROVED' });
});

onServer('concurrent decisions, deliveries and deletions do not conflict', async () => {
  const services = [running(), running()];
  const receiver = await aReceiver((res, count) => res.writeHead(count % 3 ? 200 : 429).end());
  const done = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const service = services[i % 2]!;
      const { id } = await register(service, receiver);
      await Promise.all(Array.from({ length: 3 }, () => decided(service)));
      return service.webhooks.receivers.remove(id);
    }),
  );
  expect(done).toEqual(Array(40).fill(true));
  const output = services.flatMap(({ lines }) => lines);
  expect(output.filter(({ msg }) => /cannot|could not/.test(msg))).toEqual([]);
});
