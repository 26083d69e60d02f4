import { sql } from 'kysely';
import request from 'supertest';
import { z } from 'zod';
import { receiverChangesSchema } from '../src/http/receiver-body';
import { useService } from './service';
import { decided, register } from './receivers';

const aService = useService();
type Service = ReturnType<typeof aService>;

afterEach(() => aService().db.deleteFrom('webhookEndpoints').execute());

async function countDeliveries({ db }: Service, id: string) {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from webhook_deliveries where endpoint_id = ${id}`.execute(db);
  return rows[0]!.count;
}

/**
 * Ends delete statements as a timeout would if they delete more than `above` deliveries, or leave fewer than `below`.
 */
async function endLongDeletions(
  { db }: Service,
  { above, below }: Record<'above' | 'below', number>,
) {
  await sql`
    create or replace function end_long_deletions() returns trigger language plpgsql as $$
    begin
      if (select count(*) from gone) > ${sql.lit(above)}
        or (select count(*) from webhook_deliveries) < ${sql.lit(below)}
      then raise exception 'canceling statement due to statement timeout' using errcode = '57014';
      end if;
      return null;
    end $$`.execute(db);
  await sql`
    create or replace trigger end_long_deletions after delete on webhook_deliveries
    referencing old table as gone for each statement execute function end_long_deletions()`.execute(
    db,
  );
}

describe('a receiver with more deliveries than a statement can delete', () => {
  afterEach(() => sql`drop function end_long_deletions cascade`.execute(aService().db));

  it('is deleted with them; if interrupted, is disabled and can be deleted again', async () => {
    const service = aService();
    const { id } = await register(service, { url: 'https://example.com' });
    const other = await register(service, { url: 'https://example.com' });
    await decided(service);
    await sql`
      insert into webhook_deliveries (endpoint_id, id, type, time, data)
      select ${id}, 'msg_' || i, 'x', now(), '{}' from generate_series(1, 25000) i`.execute(
      service.db,
    );
    const path = `/webhook-endpoints/${id}`;

    await endLongDeletions(service, { above: 10_000, below: 10_000 });
    const response = await request(service.app).delete(path).expect(503);
    expect(response.body).toMatchObject({ code: 'database-unavailable' });
    const { body: left } = await request(service.app).get(path).expect(200);
    expect(left).toMatchObject({ enabled: false, disabled_reason: 'It is being deleted.' });
    await decided(service);
    expect(await countDeliveries(service, id)).toBe(15_001);

    await endLongDeletions(service, { above: 10_000, below: 0 });
    await request(service.app).delete(path).expect(204);
    await request(service.app).delete(path).expect(404);
    expect(await countDeliveries(service, id)).toBe(0);
    expect(await countDeliveries(service, other.id)).toBe(2);
  });
});

describe('/webhook-endpoints', () => {
  const url = 'https://example.com/hooks?a=b';

  it('creates, lists, changes and deletes receivers', async () => {
    const { app } = aService();
    const made = await request(app).post('/webhook-endpoints').send({ url }).expect(201);
    const { secret, ...endpoint } = made.body as { id: string; secret: string };
    const path = `/webhook-endpoints/${endpoint.id}`;
    expect(made.headers['location']).toBe(path);
    expect(Buffer.from(secret.replace('whsec_', ''), 'base64')).toHaveLength(32);
    expect(endpoint).toMatchObject({ url, description: null, event_types: null, enabled: true });
    expect((await request(app).get(path).expect(200)).body).toEqual(endpoint);
    const other = await request(app).post('/webhook-endpoints').send({ url }).expect(201);
    const { body: listed } = await request(app).get('/webhook-endpoints').expect(200);
    expect((listed as { id: string }[]).map(({ id }) => id)).toEqual([
      (other.body as { id: string }).id,
      endpoint.id,
    ]);

    const event_types = ['com.loanbuddy.order.failed'];
    const changes = { url: 'https://example.org/', description: 'ours', event_types };
    const { body: changed } = await request(app).patch(path).send(changes).expect(200);
    expect(changed).toEqual({ ...endpoint, ...changes });
    const cleared = { description: null, event_types: null };
    const { body: unset } = await request(app).patch(path).send(cleared).expect(200);
    expect(unset).toEqual({ ...endpoint, ...changes, ...cleared });
    expect((await request(app).patch(path).send({}).expect(200)).body).toEqual(unset);

    await request(app).delete(path).expect(204);
    for (const gone of [
      request(app).get(path),
      request(app).delete(path),
      request(app).patch(path).send({}),
      request(app).post(`${path}/rotate-secret`),
      request(app).post(`${path}/test`),
      request(app).get(`${path}/deliveries`),
    ]) {
      expect((await gone.expect(404)).body).toMatchObject({ code: 'webhook-endpoint-not-found' });
    }
  });

  it.each([
    'https://org.example/webhookb2/1@2/IncomingWebhook/a',
    'https://org.example:8443/@',
    'https://org.example/?to=a@b&at=12:00',
    'https://org.example?a@b',
  ])('accepts an @ after the host, as documented: %s', async (atUrl) => {
    const { app } = aService();
    const { body } = await request(app).post('/webhook-endpoints').send({ url: atUrl }).expect(201);
    expect(body).toMatchObject({ url: atUrl });
    expect(atUrl).toMatch(
      new RegExp(z.toJSONSchema(receiverChangesSchema(false).shape.url).pattern!),
    );
  });

  const encoded = (bytes: number) => `whsec_${Buffer.alloc(bytes).toString('base64')}`;
  it.each([
    ['no URL', {}, '#/url'],
    ['an invalid URL', { url: 'x' }, '#/url'],
    ['a user and a password', { url: 'https://u:p@host.example/' }, '#/url'],
    ['a user', { url: 'https://u@host.example/a' }, '#/url'],
    ['an @ before the query', { url: 'https://u@host.example?a@b' }, '#/url'],
    ['an @ behind a backslash', { url: 'https://host.example\\@a' }, '#/url'],
    ['no slashes', { url: 'https:u:p@host.example' }, '#/url'],
    ['a user behind three slashes', { url: 'https:///u:p@host.example' }, '#/url'],
    ['a user behind a tab and a slash', { url: 'https://\t/u:p@host.example' }, '#/url'],
    ['a fragment', { url: `${url}#fragment` }, '#/url'],
    ['a long URL', { url: `https://example.com/${'x'.repeat(2048)}` }, '#/url'],
    ['no types', { url, event_types: [] }, '#/event_types'],
    ['other types', { url, event_types: ['com.loanbuddy.order.resubmitted'] }, '#/event_types/0'],
    ['a password', { url, secret: 'secret' }, '#/secret'],
    ['a short secret', { url, secret: encoded(23) }, '#/secret'],
    ['a long secret', { url, secret: encoded(65) }, '#/secret'],
    ['a NUL in the description', { url, description: 'a\u0000b' }, '#/description'],
    ['a NUL in the URL', { url: 'https://example.com/\u0000' }, '#/url'],
    ['a long description', { url, description: 'x'.repeat(501) }, '#/description'],
    ['an unknown field', { url, colour: 'red' }, '#/colour'],
  ])('refuses %s and names the field', async (_, body, pointer) => {
    const response = await request(aService().app).post('/webhook-endpoints').send(body);
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ errors: [{ pointer }] });
  });

  it('limits the number of receivers', async () => {
    const { app, db } = aService();
    await sql`
      insert into webhook_endpoints (id, url, secret)
      select 'wh-' || n, 'https://example.com', 'x' from generate_series(1, 99) n`.execute(db);
    await request(app).post('/webhook-endpoints').send({ url }).expect(201);
    const response = await request(app).post('/webhook-endpoints').send({ url }).expect(409);
    expect(response.body).toMatchObject({ code: 'too-many-webhook-endpoints' });
  });

  it('limits the number of receivers, however many are added at once', async () => {
    const { app, db } = aService();
    await sql`delete from webhook_endpoints`.execute(db);
    await sql`
      insert into webhook_endpoints (id, url, secret)
      select 'wh-' || n, 'https://example.com', 'x' from generate_series(1, 97) n`.execute(db);
    // Between the count and the commit.
    await sql`
      create function pause() returns trigger language plpgsql as $$
      begin perform pg_sleep(0.05); return new; end $$`.execute(db);
    await sql`
      create trigger pause before insert on webhook_endpoints for each row
      execute function pause()`.execute(db);
    const responses = await Promise.all(
      Array.from({ length: 20 }, () => request(app).post('/webhook-endpoints').send({ url })),
    );
    expect(responses.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(responses.filter(({ status }) => status === 409)).toHaveLength(17);
    expect(await db.selectFrom('webhookEndpoints').select('id').execute()).toHaveLength(100);
    await sql`drop function pause cascade`.execute(db);
  });

  it('lists deliveries newest first, page by page', async () => {
    const service = aService();
    const { id } = await register(service, { url });
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.unshift((await decided(service)).id);
    const seen: string[] = [];
    let path: string | undefined = `/webhook-endpoints/${id}/deliveries?limit=2`;
    while (path !== undefined) {
      const response: request.Response = await request(service.app).get(path).expect(200);
      const page = response.body as { data: { order_id: string } }[];
      seen.push(...page.map(({ data }) => data.order_id));
      path = /^<(.+)>; rel="next"$/.exec(response.headers['link'] ?? '')?.[1];
      await decided(service);
    }
    expect(seen).toEqual(made);
    const unknown = `/webhook-endpoints/${id}/deliveries/msg_${'0'.repeat(32)}/replay`;
    const { body } = await request(service.app).post(unknown).expect(404);
    expect(body).toMatchObject({ code: 'webhook-delivery-not-found' });
  });
});
